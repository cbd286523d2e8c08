"""One process asks and registers, another takes over; what systems post is told by each."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from connectors.events.hints import Change, Hint, Source
from connectors.events.settings import EventSource
from connectors.http.scope import RequestScope, request_scope
from connectors.store.events import Gap
from connectors.store.events_in_memory import EventsInMemory
from tests.following import SECRET, Following, following, until
from tests.systems import Systems, settings

TICKETS = "/tmf-api/troubleTicket/v4/troubleTicket"
BOTH = EventSource(hub=True, secret=SECRET, poll=0.05)


class Shared:
    """What processes share: who leads. A process that is `cut_off` has died without a word."""

    def __init__(self) -> None:
        self.leader: Process | None = None


class Process(EventsInMemory):
    """The stream of one process: what it publishes all others hear, too."""

    def __init__(self, shared: Shared, others: "list[Process]") -> None:
        super().__init__()
        self._shared, self._others = shared, others
        others.append(self)
        self.cut_off = False

    async def publish(self, hints: Sequence[Hint]) -> None:
        for one in self._others:
            await EventsInMemory.publish(one, hints)

    async def lead(self, name: str, lease: float) -> bool:
        leader = self._shared.leader
        if self.cut_off or (leader not in (None, self) and leader is not None and not leader.cut_off):
            return False
        self._shared.leader = self
        return True

    async def step_down(self, name: str) -> None:
        if self._shared.leader is self:
            self._shared.leader = None

    def follow(self) -> AsyncIterator[Sequence[Hint] | Gap]:
        return super().follow()


async def change(found: Following, systems: Systems, description: str) -> None:
    address = f"{systems['ticketing'].url}{TICKETS}/TT-1001-1"
    async with found.session.patch(address, json={"description": description}) as answer:
        assert answer.status == 200


async def test_one_process_asks_and_another_takes_over(systems: Systems) -> None:
    shared, others, given = Shared(), list[Process](), settings(systems)
    first, second = Process(shared, others), Process(shared, others)
    async with following(given, {"ticketing": BOTH}, stream=first) as one:
        await until(lambda: one.listening.is_leading)
        async with following(given, {"ticketing": BOTH}, stream=second) as other:
            await change(one, systems, "a")
            assert (await other.told(lambda hint: hint.source is Source.POLL)).id == "TT-1001-1"
            await other.told(lambda hint: hint.source is Source.HUB)
            assert not other.listening.is_leading
            first.cut_off = True
            await until(lambda: other.listening.is_leading and not one.listening.is_leading)
            seen = len(other.hints)
            await change(one, systems, "b")
            await other.all_told(seen + 1)
            assert shared.leader is second
        assert shared.leader is None
        first.cut_off = False
        await until(lambda: one.listening.is_leading)


async def test_who_has_lost_hints_finds_what_changed_meanwhile(systems: Systems) -> None:
    shared, others, given = Shared(), list[Process](), settings(systems)
    first, second = Process(shared, others), Process(shared, others)
    polled = EventSource(poll=0.05)
    async with following(given, {"ticketing": polled}, stream=first) as one:
        await until(lambda: one.listening.is_leading)
        async with following(given, {"ticketing": polled}, stream=second) as other:
            others.remove(second)
            await change(one, systems, "while it hears nothing")
            await one.told(lambda hint: hint.id == "TT-1001-1")
            systems["ticketing"].switches.error_rate = 1.0
            assert await other.listening.catch_up() == ([], ["ticketing"])
            other.listening.heard(one.hints)
            systems["ticketing"].switches.error_rate = 0.0
            found, failed = await other.listening.catch_up()
            assert failed == []
            assert ("Ticket", "TT-1001-1", Change.CHANGED) in {(hint.type, hint.id, hint.change) for hint in found}
            assert other.hints == []


def heard(domain: str) -> Hint:
    return Hint(domain=domain, type="", id="", change=Change.CHANGED, source=Source.HUB, at=1.0)


async def test_a_hint_ends_the_joining_of_calls_that_have_begun(systems: Systems) -> None:
    async with following(settings(systems), {}) as found:
        systems["ticketing"].switches.latency_ms = 300

        async def ask() -> object:
            with request_scope(RequestScope.lasting(10)):
                return await found.connectors.ticketing.tickets(["TT-1001-1"], None)

        begun = asyncio.create_task(ask())
        await until(lambda: len(systems["ticketing"].requests) == 1)
        joining = asyncio.create_task(ask())
        found.connectors.heard(heard("ticketing"))
        await until(lambda: joining.done() or len(systems["ticketing"].requests) >= 2)
        await asyncio.gather(begun, joining)
        assert len(systems["ticketing"].requests) == 2


async def test_a_domain_without_a_system_has_nothing_to_end(systems: Systems) -> None:
    only = {name: one for name, one in settings(systems).items() if name != "billing"}
    async with following(only, {}) as found:
        found.connectors.heard(heard("billing"))
