"""What has ended waits to be told with others: for how long, how many, and without what it was made of."""

import asyncio
from collections.abc import Sequence
from weakref import ref

import pytest

from gateway.telemetry.names import ANONYMOUS, REFUSED, OperationNames
from gateway.telemetry.seen import Seen, ToldOperation
from gateway.telemetry.watch import Watch
from resolvers.viewer import Viewer, ViewerKind


class Scope:
    """A request's scope, as far as it is looked at."""

    calls: tuple[()] = ()
    waits = None


class Kept:
    """Somebody who is told."""

    def __init__(self) -> None:
        self.batches: list[list[Seen]] = []
        self.told = asyncio.Event()

    def __call__(self, ended: Sequence[Seen]) -> None:
        self.batches.append(list(ended))
        self.told.set()


async def test_it_is_told_soon_and_nothing_of_the_request_is_kept() -> None:
    kept = Kept()
    watch = Watch(OperationNames(10), [kept])
    seen, scope = watch.begin("POST"), Scope()
    seen.viewer, seen.operation = Viewer(ViewerKind.CUSTOMER, "1001"), ToldOperation(None, "query", "sha256:0")
    seen.scope = scope  # type: ignore[assignment]  # it is no more of one than is looked at
    held = ref(scope)
    watch.end(seen)
    del scope
    assert held() is None
    assert kept.batches == []
    async with asyncio.timeout(20):
        await kept.told.wait()
    assert [(one.name, one.caller, one.scope) for one in kept.batches[0]] == [(ANONYMOUS, "subscriber", None)]


async def test_so_many_are_told_at_once_and_none_twice() -> None:
    kept = Kept()
    watch = Watch(OperationNames(10), [kept])
    for _ in range(1200):
        watch.end(watch.begin("POST"))
    assert [len(one) for one in kept.batches] == [500, 500]
    watch.tell()
    watch.tell()
    assert [len(one) for one in kept.batches] == [500, 500, 200]
    assert {one.name for one in kept.batches[2]} == {REFUSED}


@pytest.mark.parametrize("told", [0, 1])
async def test_nothing_waits_for_nobody(told: int) -> None:
    kept = Kept()
    watch = Watch(OperationNames(10), [kept][:told])
    watch.end(watch.begin("POST"))
    watch.tell()
    assert len(kept.batches) == told
