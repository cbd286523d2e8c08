"""A write is nobody else's: it is never merged with an equal one, nor is what is asked to find out about it."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from connectors.http.health import Health
from connectors.http.scope import Operation, current_operation
from connectors.ports import batch, fresh, read, write
from connectors.settings import System
from connectors.sharing.port import share_reads
from tests.connectors.sharing.many_asking import asking, settled


class Port(Protocol):
    @batch("ids")
    async def tickets(self, ids: Sequence[str]) -> Any: ...

    @read
    async def everything(self) -> Any: ...

    @fresh
    async def opened_with(self, key: str) -> Any: ...

    @write
    async def open_ticket(self, name: str) -> Any: ...


class Driver:
    """Counts its calls, none of which ends before it is let."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.operations: list[Operation | None] = []
        self.let = asyncio.Event()

    async def _called(self, name: str) -> str:
        self.calls.append(name)
        self.operations.append(current_operation.get())
        await self.let.wait()
        return f"{name} {len(self.calls)}"

    async def tickets(self, ids: Sequence[str]) -> Any:
        return dict.fromkeys(ids, await self._called("tickets"))

    async def everything(self) -> Any:
        return await self._called("everything")

    async def opened_with(self, _key: str) -> Any:
        return await self._called("opened_with")

    async def open_ticket(self, _name: str) -> Any:
        return await self._called("open_ticket")


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize(
    ("method", "argument", "calls"),
    [("tickets", ["1"], 1), ("everything", None, 1), ("opened_with", "k", 2), ("open_ticket", "No signal", 2)],
)
async def test_two_equal_calls_at_once(method: str, argument: Any, calls: int, share: bool) -> None:
    driver = Driver()
    system = System.model_validate({"url": "http://ticketing.example", "share": share})
    port: Any = share_reads(driver, Port, system, Health("ticketing"))
    given = () if argument is None else (argument,)
    both = [asking(lambda _: getattr(port, method)(*given), None) for _ in range(2)]
    await settled()
    driver.let.set()
    for one in both:
        await one
    assert driver.calls == [method] * (calls if share else 2)
    assert set(driver.operations) == {Operation(method, is_write=method == "open_ticket")}
    assert current_operation.get() is None


READS: list[tuple[str, Any]] = [("tickets", ["1"]), ("everything", None)]


@pytest.mark.parametrize(("method", "argument"), READS)
@pytest.mark.parametrize("ended", [False, True], ids=["begun", "ended"])
async def test_who_asks_after_a_write_has_begun_or_ended_joins_no_earlier_call(
    method: str, argument: Any, ended: bool
) -> None:
    driver, writing = Driver(), Driver()
    driver.open_ticket = writing.open_ticket  # type: ignore[method-assign]  # it ends when the test says so
    system = System.model_validate({"url": "http://ticketing.example"})
    port: Any = share_reads(driver, Port, system, Health("ticketing"))
    given = () if argument is None else (argument,)

    def ask() -> Any:
        return asking(lambda _: getattr(port, method)(*given), None)

    write = asking(lambda _: port.open_ticket("No signal"), None) if ended else None
    await settled()
    before = ask()
    await settled()
    if write is None:
        write = asking(lambda _: port.open_ticket("No signal"), None)
    else:
        writing.let.set()
    await settled()
    after = [ask(), ask()]
    await settled()
    assert driver.calls == [method] * 2  # those after it share one
    driver.let.set()
    writing.let.set()
    answers = [await one for one in (before, *after, write)]
    assert answers[1] == answers[2]
    assert port.is_idle
