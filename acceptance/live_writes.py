"""The mutations over Request Tracker, Tryton and BottleCRM: part of `make live`.

Each is asked under two keys, twice under each. The answer to what the second key sends is lost after its effect, so
that the gateway has to find out what came of it. Counted are the writes that arrive at the system, by a proxy before
it, and the effects that are read there afterwards: one for each key. What was written is undone in the end, as far as a
product lets it.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from acceptance import rt_fields, seeding
from acceptance.effects import undo
from acceptance.live_queries import operation
from acceptance.losing import Losing, losing
from acceptance.products import Live
from acceptance.running import Running, serving
from acceptance.to_its_end import to_its_end
from gateway.settings import Settings
from gateway.writes_settings import WritesSettings

WRITTEN: Final[Mapping[str, str]] = {"rt": "ticketing", "tryton": "billing", "bottlecrm": "crm"}
"""The products that are written to, and the domains that they stand for."""

WRITES: Final[Mapping[str, int]] = {"rt": 1, "redmine": 1, "tryton": 2, "bottlecrm": 2}
"""How many requests one effect takes: Tryton's payment is made and submitted, BottleCRM's customer is two records."""

_STAFF: Final[Mapping[str, str]] = {
    "ReopenTicket": "mutation($input: ReopenTicketInput!) { reopenTicket(input: $input) {"
    " ticket { id status } userErrors { code message path } } }",
    "AssignTicket": "mutation($input: AssignTicketInput!) { assignTicket(input: $input) {"
    " ticket { id assignee } userErrors { code message path } } }",
}
"""Documents of mutations for which the contract has none."""
_TICKETS: Final = "query($id: ID!) { customer(id: $id) { tickets(first: 100) { nodes { id name } } } }"
_TICKET: Final = "query($id: ID!) { ticket(id: $id) { notes { text } } }"
_BILLS: Final = (
    "query($id: ID!) { customer(id: $id) {"
    " bills(first: 50, state: OPEN) { nodes { id remainingAmount { amount currency } } } } }"
)
_BILL: Final = "query($id: ID!) { bill(id: $id) { remainingAmount { amount } } }"
_CONTACT: Final = "query($id: ID!) { customer(id: $id) { email phone } }"


@dataclass(frozen=True, slots=True)
class Asked:
    """One mutation under two keys. `calls`: of the first request with a key, of its repeat, and of the second key's.

    `outcomes`: what the four requests were told. `sent`: writes that arrived at the system. `effects`: found there.
    """

    title: str
    product: str
    calls: tuple[int, int, int]
    outcomes: tuple[str, str, str, str]
    sent: int
    payloads: tuple[Mapping[str, Any], Mapping[str, Any]]
    effects: int = 0

    @property
    def is_right(self) -> bool:
        """Whether each key was sent once and has had one effect, and all answers say so."""
        return (self.sent, self.effects) == (2 * WRITES[self.product], 2) and set(self.outcomes) == {"done"}

    def of(self, kind: str) -> tuple[Any, Any]:
        """What came of each key, by its name in the payload; both must be there."""
        one, two = (payload.get(kind) or {} for payload in self.payloads)
        return one, two


class LiveWrites:
    """A gateway over products, each behind a proxy."""

    def __init__(self, gateway: Running, proxies: Mapping[str, Losing], customer: str) -> None:
        self._gateway, self._proxies, self.customer = gateway, proxies, customer
        self.mark = f"acceptance {secrets.token_hex(4)}"
        """Stands in all that is written."""

    async def read(self, document: str, ident: str) -> Any:
        """An agent's question about one thing: its only field."""
        answer = await self._gateway.ask(document, {"id": ident}, "agent")
        (found,) = answer["data"].values()
        return found

    async def asked(
        self, name: str, product: str, who: str, inputs: Sequence[Mapping[str, Any]], *, lost: int = 1, title: str = ""
    ) -> Asked:
        """Ask with each of the two inputs under a key of its own, twice. `lost`: which of the second's writes."""
        proxy, told, payloads, calls = self._proxies[product], [], [], []
        proxy.counted()
        sent = 0
        for number, given in enumerate(inputs):
            variables = {"input": {"idempotencyKey": f"{self.mark} {name} {title} {number}", **given}}
            if number:
                proxy.lose(lost)
            for _ in range(2):
                answer = await self._gateway.ask(_document(name), variables, who)
                payload: Mapping[str, Any] = [*(answer.get("data") or {}).values(), None][0] or {}
                told.append(_told(answer, payload))
                payloads.append(payload)
                calls.append(len(answer.get("extensions", {}).get("upstream", [])))
            sent += len(proxy.counted())
        first, again, second, once_more = told
        return Asked(
            title or _spelled(name),
            product,
            (calls[0], calls[1], calls[2]),
            (first, again, second, once_more),
            sent,
            (payloads[0], payloads[3]),
        )


def _document(name: str) -> str:
    return _STAFF.get(name) or operation(name)


def _spelled(name: str) -> str:
    return name[0].lower() + name[1:]


def _told(answer: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    codes += [error["code"] for error in payload.get("userErrors", [])]
    return ", ".join(codes) or "done"


async def tickets(
    live: LiveWrites,
    undone: list[str],
    product: str = "rt",
    staff: Sequence[str] = ("root", "gateway"),
    closed: str = "RESOLVED",
) -> AsyncIterator[Asked]:
    """Everything that is done to tickets. `undone` gets the ids of those that were opened."""
    new = {"name": live.mark, "description": "Opened by make live, which deletes it."}
    opened = await live.asked("OpenTicket", product, live.customer, [new, new])
    found = (await live.read(_TICKETS, live.customer))["tickets"]["nodes"]
    ids = [one["id"] for one in found if one["name"] == live.mark]
    undone += [one.partition(":")[2] for one in ids]
    yield replace(opened, effects=len(ids))
    first, second = (one.get("id", "") for one in opened.of("ticket"))
    for title, who, more in (("public", live.customer, {}), ("internal", "agent", {"internal": True})):
        notes = [{"ticketId": first, "text": f"{live.mark}, {title} {number}", **more} for number in (1, 2)]
        added = await live.asked("AddTicketNote", product, who, notes, title=f"addTicketNote, {title}")
        texts = [one["text"] for one in (await live.read(_TICKET, first))["notes"]]
        yield replace(added, effects=sum(texts.count(note["text"]) for note in notes))
    people = [{"ticketId": first, "assignee": name} for name in staff]
    given = await live.asked("AssignTicket", product, "agent", people)
    yield _shown(given, "ticket", "assignee", staff)
    both = [{"ticketId": one, "reason": f"{live.mark}: it works again"} for one in (first, second)]
    yield _shown(await live.asked("CloseTicket", product, live.customer, both), "ticket", "status", [closed] * 2)
    both = [{"ticketId": one} for one in (first, second)]
    yield _shown(await live.asked("ReopenTicket", product, "agent", both), "ticket", "status", ["IN_PROGRESS"] * 2)


def _shown(asked: Asked, kind: str, attribute: str, wanted: Sequence[str]) -> Asked:
    """With the effects that the payloads show, which were read after the write."""
    shown = [one.get(attribute) for one in asked.of(kind)]
    return replace(asked, effects=sum(one == other for one, other in zip(shown, wanted, strict=True)))


async def payments(live: LiveWrites, undone: list[str]) -> AsyncIterator[Asked]:
    """Parts of a bill. `undone` gets the ids of the payments."""
    bills = (await live.read(_BILLS, live.customer))["bills"]["nodes"]
    bill = next(one for one in bills if Decimal(one["remainingAmount"]["amount"]) > len(bills))
    part = {"billId": bill["id"], "amount": {"amount": "1.00", "currency": bill["remainingAmount"]["currency"]}}
    paid = await live.asked("PayBill", "tryton", live.customer, [part, part])
    undone += {one["id"].partition(":")[2] for one in paid.of("payment") if one}
    left = Decimal((await live.read(_BILL, bill["id"]))["remainingAmount"]["amount"])
    yield replace(paid, effects=int(Decimal(bill["remainingAmount"]["amount"]) - left))


async def contact(live: LiveWrites, undone: list[str]) -> AsyncIterator[Asked]:
    """The e-mail address and the phone number are changed, and put back by the second key; `undone` gets nothing.

    BottleCRM has a customer in two records, a contact and an account: the answer to the second one's write is lost.
    """
    before = await live.read(_CONTACT, live.customer)
    other = {"email": "make.live@example.net", "phone": "+420 600 000 001"}
    changed = await live.asked("UpdateContact", "bottlecrm", live.customer, [other, before], lost=2)
    shown = [{name: one.get(name) for name in other} for one in changed.of("customer")]
    effects = (shown[0] == other) + (await live.read(_CONTACT, live.customer) == before)
    yield replace(changed, effects=effects)


PARTS: Final = {"rt": tickets, "tryton": payments, "bottlecrm": contact}


@asynccontextmanager
async def written_to(
    given: Settings, products: Mapping[str, Live], folder: Path, customer: str
) -> AsyncIterator[LiveWrites]:
    """Make what the seeds lack, and serve a gateway that writes, with a proxy before each product. Raises `Unfit`."""
    if not products["rt"].is_given:
        rt_fields.make_fields()  # one that runs elsewhere has them from its administrator
    journal = seeding.payment_journal(products["tryton"].address, products["tryton"].token)
    async with AsyncExitStack() as stack:
        systems = dict(given.systems.by_domain)
        proxies = {}
        for product, domain in WRITTEN.items():
            proxies[product] = await stack.enter_async_context(losing(products[product].address))
            systems[domain] = systems[domain].model_copy(update={"url": proxies[product].address})
        options = systems["billing"].options | {"payment_journal": journal}
        systems["billing"] = systems["billing"].model_copy(update={"options": options})
        changed = given.model_copy(
            update={
                "systems": given.systems.model_copy(update=systems),
                "writes": WritesSettings(enabled=True, in_process=True),
            }
        )
        gateway = await stack.enter_async_context(serving(changed, folder))
        yield LiveWrites(gateway, proxies, customer)


async def measure(given: Settings, products: Mapping[str, Live], folder: Path, customer: str, console: Console) -> bool:
    """Write, print what came back, and undo it. Whether each key has had one effect and a true answer."""
    table = Table(
        "mutation", "system", "calls", "again", "answer lost", "sent", "effects", "told",
        title="two keys, each asked twice; the second key's answer lost",
    )  # fmt: skip
    right = True
    undone: dict[str, list[str]] = {product: [] for product in PARTS}
    async with written_to(given, products, folder, customer) as live:
        try:
            for product, part in PARTS.items():
                async for one in part(live, undone[product]):
                    counts = map(str, (*one.calls, one.sent, one.effects))
                    table.add_row(one.title, product, *counts, ", ".join(dict.fromkeys(one.outcomes)))
                    right = right and one.is_right
        finally:
            console.print(table)
            await to_its_end(undo(products, undone, console))
    return right
