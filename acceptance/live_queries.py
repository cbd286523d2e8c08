"""The contract's queries over all products at once, and one of a mixed installation: part of `make live`."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from acceptance.calls import ROOT, Cost
from acceptance.mixed import ask_mixed
from acceptance.running import Running, serving
from gateway.settings import Settings

CUSTOMER: Final = "C100001"
WARMING: Final = 5
"""Times that all queries are asked before they are measured, at most."""

QUERIES: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "PortalHome": (CUSTOMER, {}),
    "UsageGlance": ("C100003", {}),
    "AgentSearch": ("agent", {"text": CUSTOMER}),
    "OpsDashboard": ("agent", {"first": 50}),
    "DeviceTrace": ("agent", {"serial": "xe-0/0/0.0"}),
    "TicketThread": ("agent", {"id": "Ticket:1"}),
    "BillDetail": ("agent", {"id": "Bill:1"}),
    "OutageImpact": ("agent", {}),
    "SystemStatus": ("agent", {}),
}
"""Who asks what. C100003 has three allowances; of what C100001 has, nothing is limited."""

SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "PortalHome": frozenset({"me.services.nodes.outages.name", "me.usage.used", "me.tickets.nodes.name"}),
    "UsageGlance": frozenset({"me.usage.used", "me.usage.allowance"}),
    "OutageImpact": frozenset({"outages.nodes.affectedServices.nodes.customer.name"}),
}
"""What must be there, and would be an empty list without a word where a system did not know it."""

LEAST: Final[Mapping[str, tuple[int, str]]] = {
    "PortalHome": (
        10,
        "Alertmanager 3: filters are joined with AND, so that services and resources are two questions, and a third is"
        " for the whole of what is found; BottleCRM 1, RT 1; Tryton 2: a balance is the party's, bills are another"
        " model, and a call asks one model;"
        " Nautobot 2: interfaces know a circuit by its service number only, which the first answer tells"
        " (a third, for what is told of each resource, could ride with the second); openwisp-radius 1 for each user",
    ),
    "UsageGlance": (
        4,
        "BottleCRM 2: a list of accounts has no people in it, who alone have given names; Tryton 1 (invoices),"
        " openwisp-radius 1 for each user",
    ),
    "AgentSearch": (
        4,
        "BottleCRM 2: a filter on the name and one on the number, which it joins with AND; Tryton 2: parties and"
        " invoices (the party is read twice: as an account number that was searched for, and as the customer's)",
    ),
    "OpsDashboard": (5, "BottleCRM 1 for 100 accounts, Tryton 2 (two models), Nautobot 1, RT 1 for each 100 tickets"),
    "DeviceTrace": (
        6,
        "Alertmanager 3, as above; BottleCRM 1; Nautobot 2: what is found tells the service numbers, then the circuits"
        " (the site and the numbers could be read with the search: two steps of the graph, and two calls more)",
    ),
    "TicketThread": (
        6,
        "RT 4: a ticket has no history in it, transactions and their texts are resources of their own without a batch"
        " over both, and files are asked for apart from texts, or their content would come along; Nautobot 1,"
        " BottleCRM 1",
    ),
    "BillDetail": (3, "Tryton 3: invoice, lines and party are three models, and a call asks one"),
    "OutageImpact": (
        5,
        "Alertmanager 2: all that fires, and the one silence that covers a whole outage; Nautobot 1, BottleCRM 1, RT 1",
    ),
    "SystemStatus": (0, "health is what the calls before have shown; what none of them asked for 5 s is looked at"),
}
"""Fewest calls that the products allow for each query's data, and why; in brackets what our steps cost beyond."""


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Each value of an answer: its path without numbers in lists, and whether there is one, or null."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from places(one, (*path, name))
    elif isinstance(value, list):
        for one in value:
            yield from places(one, path)
    else:
        yield ".".join(path), value is not None


def leaves(value: Any) -> Counter[bool]:
    """How many values an answer has (True), and how many are null (False)."""
    return Counter(there for _, there in places(value))


def operation(name: str) -> str:
    """One of the contract's documents."""
    return (ROOT / f"web/src/operations/{name}.graphql").read_text(encoding="utf-8")


async def measure(given: Settings, console: Console) -> bool:
    """Ask every query warm, and print what each cost and gave. Whether it is all that the products have."""
    table = Table("query", "calls", "least", "steps", "ms", "values", "null", "calls of each system")
    missing: list[str] = []
    is_well = True
    with tempfile.TemporaryDirectory() as folder:
        async with serving(given, Path(folder)) as gateway:
            await _warm(gateway, console)
            for name, (who, variables) in QUERIES.items():
                answer = await gateway.ask(operation(name), variables, who)
                calls = answer.get("extensions", {}).get("upstream", [])
                cost, count = Cost.of(calls), leaves(answer.get("data"))
                numbers = cost.calls, LEAST[name][0], cost.steps, f"{cost.ms:.0f}", count[True], count[False]
                systems = Counter(call["system"] for call in calls)
                table.add_row(name, *map(str, numbers), ", ".join(f"{one} {systems[one]}" for one in sorted(systems)))
                absent = SHOWN.get(name, frozenset()) - {place for place, there in places(answer.get("data")) if there}
                is_well &= bool(count[True]) and not absent
                is_well &= _is_complete(answer)
                missing += [f"{name}: {one}" for one in _missing(answer.get("data"), answer.get("errors", []))]
                missing += [f"{name}: {one}: not one, which the seeds have" for one in sorted(absent)]
    console.print(table)
    for line in missing:
        console.print(f"  {line}", highlight=False)
    console.print("  mixed: BottleCRM, Nautobot, openwisp-radius, the sandbox in v5 (billing) and in v4 (ticketing)")
    await ask_mixed(given, CUSTOMER, console)
    for name, (least, why) in LEAST.items():
        console.print(f"least of {name}: {least}: {why}", style="dim", highlight=False)
    return is_well


async def _warm(gateway: Running, console: Console) -> None:
    """Ask all queries at once until all are answered.

    Each of Nautobot's processes builds its schema at its first request: side by side they reach all of them.
    """
    for _ in range(WARMING):
        answers = await asyncio.gather(
            *(gateway.ask(operation(name), variables, who) for name, (who, variables) in QUERIES.items())
        )
        if all(map(_is_complete, answers)):
            return
        console.print("  not warm yet ...")


def _is_complete(answer: Mapping[str, Any]) -> bool:
    """Whether all that an answer lacks is not supported."""
    return all(one["extensions"]["code"] == "NOT_SUPPORTED" for one in answer.get("errors", []))


def _missing(data: Any, errors: list[dict[str, Any]]) -> Iterator[str]:
    """What an answer lacks, and why: where there is an error its code and system, else that the system says nothing."""
    told: Counter[tuple[str, str]] = Counter()
    for error in errors:
        place = ".".join(one for one in error.get("path", ()) if isinstance(one, str))
        told[place, f"{error['extensions']['code']} {error['extensions'].get('system', '-')}"] += 1
    for (place, why), times in told.items():
        yield f"{place or 'all'}: {why} x{times}"
    known = {place for place, _ in told}
    for place, times in Counter(place for place, there in places(data) if not there).items():
        if place not in known:
            yield f"{place}: null x{times}"
