"""A real cluster: one slot for each operation, many slots for all of them, and slots that move away meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from redis.crc import key_slot

from connectors.store.asking import asked, primaries, redis_at
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.redis import WritesInRedis
from connectors.store.rows_in_redis import RowsInRedis, State, Times
from connectors.store.shared_key import SharedKey
from connectors.store.writes import StoreUnavailable
from gateway.http.persisted_queries import RedisDocumentStore
from tests.connectors.store.servers import Servers, at

TIMES = Times(fresh=30.0, usable=30.0, lease=10.0)
PATIENT = 20.0
"""Seconds for a question: this machine may be busy."""


@pytest.fixture
def empty(clustered: Servers) -> Servers:
    clustered.flush()
    return clustered


@pytest_asyncio.fixture
async def rows(empty: Servers) -> AsyncIterator[tuple[RowsInRedis, RowsInRedis]]:
    """As two processes."""
    both = RowsInRedis(empty.address, timeout=PATIENT), RowsInRedis(empty.address, timeout=PATIENT)
    yield both
    for one in both:
        await one.close()


async def test_rows_are_kept_and_evicted_together_though_they_are_on_all_nodes(
    empty: Servers, rows: tuple[RowsInRedis, RowsInRedis]
) -> None:
    one, other = rows
    names = [f"{number:032x}" for number in range(500)]
    looked = await one.look("group", names, "mine", TIMES)
    assert looked is not None
    assert {row.state for row in looked.rows} == {State.OURS}
    leased = await other.look("group", names, "theirs", TIMES)
    assert leased is not None
    assert {row.state for row in leased.rows} == {State.LEASED}
    one.settle("group", looked, "mine", {name: name.encode() for name in names}, TIMES)
    await one.close()  # by which it is settled
    found = await other.look("group", names[::-1], "theirs", TIMES)
    assert found is not None
    assert {row.state for row in found.rows} == {State.FRESH}
    assert [row.row.decode() for row in found.rows] == names[::-1]
    assert all(len(keys) > 50 for keys in empty.kept()), "every node has some of them"
    await other.forget(names[:10])
    found = await other.look("group", names[:20], "theirs", TIMES)
    assert found is not None
    assert [row.state for row in found.rows] == [State.OURS] * 10 + [State.FRESH] * 10
    await other.evict(["group"])
    found = await other.look("group", names, "theirs", TIMES)
    assert found is not None
    assert not any(row.row for row in found.rows)


async def test_what_callers_spend_adds_up_and_is_spread(empty: Servers) -> None:
    one, other = (SpendingInRedis(empty.address, timeout=PATIENT) for _ in range(2))
    spent = {f"caller {number}": 100.0 + number for number in range(200)}
    assert await one.spend(spent) == pytest.approx([*spent.values()], abs=0.01)
    assert await other.spend({"caller 7": 1.0, "caller 9": 2.0}) == pytest.approx([108.0, 111.0], abs=PATIENT)
    assert sorted(map(len, empty.kept()))[0] > 20
    for each in (one, other):
        await each.close()


async def test_writes_persisted_queries_and_keys_are_spread(empty: Servers) -> None:
    writes, documents = (
        WritesInRedis(empty.address, timeout=PATIENT),
        RedisDocumentStore(empty.address, timeout=PATIENT),
    )
    keys = [SharedKey(empty.address, "documents", 60.0) for _ in range(2)]
    await asyncio.gather(*(writes.claim(f"write {number}", "f", 60.0) for number in range(100)))
    await asyncio.gather(*(documents.put(f"{number:064x}", "{ me { id } }") for number in range(100)))
    assert sorted(map(len, empty.kept()))[0] > 30
    assert await documents.get(f"{7:064x}") == "{ me { id } }"
    assert len({await one.read() for one in keys}) == 1
    for each in (writes, documents, *keys):
        await each.close()


async def test_who_finds_no_free_connection_waits(empty: Servers) -> None:
    client = redis_at(empty.address, connections=2)
    answers = await asyncio.gather(*(asked(lambda: client.incr("counted"), PATIENT) for _ in range(100)))
    assert sorted(answers) == [*range(1, 101)]
    assert len(await primaries(client)) == 3
    await client.aclose()


async def test_a_slot_that_moves_away_loses_nothing_and_does_nothing_twice(empty: Servers) -> None:
    """ASK while it moves, MOVED afterwards."""
    client = redis_at(empty.address)
    before = int(await asked(lambda: client.incr("{moving}here"), PATIENT))
    slot = key_slot(b"moving")
    source = next(one for one, names in zip(empty.nodes, empty.kept(), strict=True) if b"{moving}here" in names)
    target = next(one for one in empty.nodes if one is not source)
    with at(source.port) as there, at(target.port) as here:
        name, new = (one.execute_command("CLUSTER", "MYID").decode() for one in (there, here))  # type: ignore[no-untyped-call]
        tell: Callable[..., object] = here.execute_command
        tell("CLUSTER", "SETSLOT", slot, "IMPORTING", name)
        there.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", new)  # type: ignore[no-untyped-call]
        there.migrate("127.0.0.1", target.port, "{moving}here", 0, 10_000)
        assert await asked(lambda: client.incr("{moving}here"), PATIENT) == before + 1  # ASK
        script = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert await asked(lambda: script(keys=["{moving}here"], args=[10]), PATIENT) == before + 11  # ASK
        for one in empty.nodes:
            with at(one.port) as node:
                node.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new)  # type: ignore[no-untyped-call]
    assert await asked(lambda: client.incr("{moving}here"), PATIENT) == before + 12  # MOVED
    assert await asked(lambda: client.incr("{moving}here"), PATIENT) == before + 13
    await client.aclose()


async def test_a_cluster_that_nobody_answers_for_is_said(empty: Servers) -> None:
    nowhere = WritesInRedis("redis+cluster://127.0.0.1:1,127.0.0.1:2")
    with pytest.raises(StoreUnavailable, match="no node of the cluster says who has which slots"):
        await nowhere.find("k")
    await nowhere.close()
    unknown = WritesInRedis("redis+sentinel://127.0.0.1:1,127.0.0.1:2/nobody")
    with pytest.raises(StoreUnavailable, match="no Sentinel names a primary of 'nobody' that is one"):
        await unknown.find("k")
    await unknown.close()
    alone = WritesInRedis(f"redis+cluster://127.0.0.1:{empty.nodes[2].port}")  # one node knows the others
    await asyncio.gather(*(alone.claim(f"{number}", "f", 1.0) for number in range(20)))
    await alone.close()
