"""A write that happens exactly once: claim its key, look at the state, send, find out what came of it, remember that.

The order is the same for every mutation. Its input's shape is checked before (`schema.mutation`); then

1. the key is claimed. A known one has its outcome already, or is waited for;
2. whose it is that shall be written to is checked, for known keys, too;
3. under a lock on what the write depends on, the state and the amounts are read;
4. the system is asked whether it knows the key, which may be older than what is kept here. If not, the state and the
   amounts must be right;
5. the key is marked as sent, and the write is sent, once;
6. where the answer was lost, the system is asked whether it happened. Where it cannot tell, the outcome is unknown: it
   is never guessed, and never sent again before the system has said that it did not happen.

From the claim on, a write runs to its end in a task of its own, whoever hangs up. While its outcome is unknown, nothing
else is written to what it depends on.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from connectors.errors import ConnectorError, Declined, NotSupported
from connectors.http.scope import RequestScope, current_scope, request_scope
from connectors.records import Fields
from connectors.store.writes import Claim, Phase, Pointer, Problem, StoreUnavailable, WriteRecord, WriteStore
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, OutcomeUnknown, PublicError, WriteInProgress, WriteNotDone
from resolvers.viewer import Viewer

T = TypeVar("T")

_FIRST_LOOK: Final = 0.02
_NEXT_LOOKS: Final = 0.2
"""Seconds between two looks at a key that another process holds: the first, and at most."""

_LAST_LOOK: Final = 0.5
"""Seconds for looking how far a write has come whose request has no time left."""


@dataclass(frozen=True, slots=True)
class WriteRules:
    """How long things may take, in seconds.

    `lease`: how long a claim lasts without its holder saying that it goes on; longer than a system may take to answer.
    `wait`: how long a second request with the same key waits for the first.
    `patience`: how long a write may take in all, whoever waits for it.
    `reads_after`: by domain, after how long a system shows what was written to it, at the latest.
    `settles`: by domain, after how long a system that does not show a write has not done it: it covers the `lease`, in
    which it may have been sent, the time that it may have been on its way since, and `reads_after`.
    """

    lease: float = 30.0
    wait: float = 10.0
    patience: float = 60.0
    settles: Mapping[str, float] = field(default_factory=dict)
    reads_after: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a write: a record to be read, or what the caller did wrong."""

    result: Pointer | None = None
    problems: tuple[Problem, ...] = ()


_REUSED: Final = Outcome(
    problems=(
        Problem(
            "IDEMPOTENCY_KEY_REUSED",
            "This idempotencyKey was used with another input: use a new one.",
            ("idempotencyKey",),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class _Running:
    fingerprint: str
    task: "asyncio.Task[Outcome]"


@dataclass(frozen=True, slots=True)
class Audited:
    """One outcome, for the audit log: no values of the input, and nothing that a system says, which may repeat them.

    `outcome`: done, refused, unknown, invalid (the caller's mistake) or not_done. `codes` are what the caller was told;
    `cause` is what a system or the store did.
    """

    caller: str
    mutation: str
    system: str
    key: str
    subject: str
    outcome: str
    result: str
    codes: tuple[str, ...]
    cause: str


class Write:
    """One write as its mutation knows it. `decided`: what its input left open, settled by `check`."""

    mutation: ClassVar[str]
    system: ClassVar[str]
    """The domain whose system is written to."""
    result: ClassVar[str]
    """The type of what comes of it."""
    needs: ClassVar[Mapping[str, Fields]] = {}
    """What `owned` and `check` look at beside ids and owners: attributes by type, as in a selection."""
    looks_first: ClassVar[bool] = True
    """Whether the system is asked for the key before the write is sent; not where the state tells as much."""
    unknown: ClassVar[type[OutcomeUnknown]] = OutcomeUnknown

    def __init__(self) -> None:
        self.decided: dict[str, str] = {}

    @property
    def fingerprint(self) -> str:
        """The same for inputs that mean the same, and for no others."""
        raise NotImplementedError

    @property
    def lock(self) -> str | None:
        """What only one write at a time may change."""
        return None

    @property
    def subject(self) -> str:
        """The global id of what is written to, for the audit log."""
        raise NotImplementedError

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        """What the viewer may not write to, or does not exist. Raises `ConnectorError`."""
        raise NotImplementedError

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        """What is wrong with the state and the amounts. Raises `ConnectorError`.

        It settles `decided`, as far as it can also where something is wrong: `find` may need it.
        """
        raise NotImplementedError

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        """Send the write, once: the id of what came of it. Raises `ConnectorError`."""
        raise NotImplementedError

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        """The id of what came of the write, where the system shows it now. Raises `ConnectorError`."""
        raise NotImplementedError

    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Where in the input the attributes of the record stand that is written, for a system that names one."""
        return {}


class Writes:
    """All writes of this process."""

    def __init__(
        self,
        store: WriteStore,
        may_write: Callable[[Viewer, str], bool],
        rules: WriteRules | None = None,
        audit: Callable[[Audited], None] = lambda _audited: None,
    ) -> None:
        """`may_write` says whether a viewer may use a mutation at all; `audit` is told every outcome."""
        self._store, self._may_write, self._rules, self._audit = store, may_write, rules or WriteRules(), audit
        self._running: dict[WriteKey, _Running] = {}
        self._cleaning: set[asyncio.Task[None]] = set()

    def allow(self, viewer: Viewer, mutation: str) -> None:
        """Raises `Forbidden` where this viewer may not use the mutation at all."""
        if not viewer.is_signed_in or not self._may_write(viewer, mutation):
            raise Forbidden("This caller may not write here.")
        if not viewer.subject:
            raise Forbidden("This caller may not write here: its token does not say who it is (sub).")

    async def once(self, context: RequestContext, write: Write, client_key: str) -> Outcome:
        """Do it, or find out what came of it under this key. Raises `PublicError`."""
        self.allow(context.viewer, write.mutation)
        key = write_key(context.viewer, write.mutation, client_key)
        ends = time.monotonic() + self._rules.wait
        scope = current_scope.get()
        if scope is not None:
            scope.fresh = True  # what this request reads from now on, it reads anew
            ends = min(ends, scope.deadline)
        pause = _FIRST_LOOK
        while True:
            running = self._running.get(key)
            if running is None:
                claim = await self._claimed(key, write, context.viewer)
                if (known := await self._known(claim, write, context)) is not None:
                    return known
                if claim.is_held:
                    running = self._start(key, write, claim, context)
            if running is not None:
                if running.fingerprint != write.fingerprint:
                    return _REUSED
                return await self._awaited(running.task, key, write, ends)
            if time.monotonic() + pause >= ends:
                raise WriteInProgress
            await asyncio.sleep(pause)
            pause = min(2 * pause, _NEXT_LOOKS)

    async def finish(self) -> None:
        """Wait for the writes that are under way: the process ends."""
        while under_way := [*self._cleaning, *(running.task for running in self._running.values())]:
            await asyncio.wait(under_way)

    async def _claimed(self, key: WriteKey, write: Write, viewer: Viewer) -> Claim:
        claiming = asyncio.ensure_future(self._store.claim(key, write.fingerprint, self._rules.lease))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            self._clean_up(self._given_back(key, claiming))
            raise
        except StoreUnavailable as failure:
            told = WriteNotDone("This cannot be done safely at the moment, so it was not sent now.")
            self._audit(_audited(viewer, write, key, outcome=_NOT_DONE, codes=(told.code,), cause=_STORE))
            raise told from failure

    async def _given_back(self, key: WriteKey, claiming: "asyncio.Future[Claim]") -> None:
        """Forget a claim whose request has ended before it was made."""
        with suppress(StoreUnavailable):  # its lease ends it
            claim = await claiming
            if claim.is_held and claim.record.phase is Phase.CLAIMED:
                await self._store.forget(key, claim.record.token)

    def _clean_up(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _known(self, claim: Claim, write: Write, context: RequestContext) -> Outcome | None:
        """The outcome of a key that has one."""
        record = claim.record
        if record.fingerprint != write.fingerprint:
            return _REUSED
        if not record.phase.is_final:
            return None
        if problems := await write.owned(context):
            return Outcome(problems=tuple(problems))
        context.nothing_written()  # the answer takes what was read for this
        return Outcome(record.result, record.problems)

    def _start(self, key: WriteKey, write: Write, claim: Claim, context: RequestContext) -> "_Running":
        run = _Run(self._store, self._rules, key, write, claim, context.anew(write.needs))
        task = asyncio.create_task(run.result(current_scope.get()))
        running = self._running[key] = _Running(write.fingerprint, task)

        def ended(task: asyncio.Task[Outcome]) -> None:
            del self._running[key]
            self._audit(_ended(context.viewer, write, key, run, task))

        task.add_done_callback(ended)
        return running

    async def _awaited(self, running: asyncio.Task[Outcome], key: WriteKey, write: Write, ends: float) -> Outcome:
        done, _ = await asyncio.wait([running], timeout=max(0.0, ends - time.monotonic()))
        if done:
            return running.result()
        try:
            async with asyncio.timeout(_LAST_LOOK):
                record = await self._store.find(key)
        except (StoreUnavailable, TimeoutError):
            raise write.unknown from None
        if record is None or record.phase is Phase.CLAIMED:
            raise WriteInProgress
        if record.phase.is_final:  # another process has taken over
            return Outcome(record.result, record.problems)
        raise write.unknown


class _Run:
    """One write under its claim, from the check of its state to what came of it."""

    def __init__(
        self,
        store: WriteStore,
        rules: WriteRules,
        key: WriteKey,
        write: Write,
        claim: Claim,
        context: RequestContext,
    ) -> None:
        self._store, self._rules, self._key, self._write, self._context = store, rules, key, write, context
        self.record, self._now = claim.record, claim.now
        self._lock_token: int | None = None
        self.cause = ""
        """What a system or the store did, for the audit log: codes, not what it said."""

    async def result(self, asked: RequestScope | None) -> Outcome:
        """Run to the end. Raises `PublicError`."""
        scope = RequestScope.lasting(self._rules.patience)
        scope.fresh = True
        if asked is not None:
            scope.calls, scope.token = asked.calls, asked.token
        with request_scope(scope):
            try:
                async with asyncio.timeout(self._rules.patience):
                    if self.record.phase is Phase.CLAIMED:
                        return await self._locked()
                    self._write.decided = dict(self.record.decided)
                    return await self._found_or_sent_again()
            except StoreUnavailable as failure:
                self.cause = _STORE
                raise self._undecided() from failure
            except TimeoutError as failure:
                raise self._undecided() from failure
            finally:
                await self._context.close()

    def _undecided(self) -> PublicError:
        if self.record.phase is Phase.CLAIMED:
            return WriteNotDone("This cannot be done safely at the moment.")
        return self._write.unknown()

    async def _locked(self) -> Outcome:
        write, context = self._write, self._context
        if (name := write.lock) is None:
            return await self._checked()
        if not context.viewer.is_staff:  # a lock would tell strangers that something is there, and let them hold it
            if problems := await self._before_sending(write.owned):
                return await self._mistaken(problems)
            context.renew()
        token = self._lock_token = await self._lock(name)
        try:
            return await self._checked()
        finally:
            if self.record.phase not in (Phase.SENT, Phase.UNKNOWN):
                await self._unlock(name, token)

    async def _lock(self, name: str) -> int:
        pause, ends = _FIRST_LOOK, time.monotonic() + self._rules.wait
        while (token := await self._store.lock(name, self._rules.lease)) is None:
            if time.monotonic() + pause >= ends:
                await self._give_up()
                raise WriteNotDone("Something else is being changed here at the moment.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _NEXT_LOOKS)
        return token

    async def _unlock(self, name: str, token: int) -> None:
        try:
            await self._store.unlock(name, token)
        except StoreUnavailable:
            self.cause = self.cause or _STORE  # its lease ends it

    async def _unlock_earlier(self) -> None:
        """Give back what was locked when the write was sent."""
        if (name := self._write.lock) is not None and self.record.lock_token is not None:
            await self._unlock(name, self.record.lock_token)

    async def _checked(self) -> Outcome:
        """A key that nothing was sent under: look at the state, then send."""
        if problems := await self._before_sending(self._write.owned):
            return await self._mistaken(problems)
        problems = await self._before_sending(self._write.check)
        if self._write.looks_first and (found := await self._before_sending(self._shown)) is not None:
            return await self._done(found)
        return await self._mistaken(problems) if problems else await self._sent()

    async def _before_sending(self, ask: Callable[[RequestContext], Awaitable[T]]) -> T:
        """What `ask` says. Where it fails nothing was sent, and the key is as good as new."""
        try:
            return await ask(self._context)
        except ConnectorError as failure:
            self.cause = _cause(failure)
            await self._give_up()
            if isinstance(failure, NotSupported):
                raise
            raise WriteNotDone(failure.public) from failure

    async def _mistaken(self, problems: Sequence[Problem]) -> Outcome:
        await self._give_up()
        return Outcome(problems=tuple(problems))

    async def _give_up(self) -> None:
        """Nothing was sent: make the key as good as new. Raises `WriteInProgress` where somebody else has it by now."""
        if not await self._store.forget(self._key, self.record.token):
            raise WriteInProgress

    async def _shown(self, context: RequestContext) -> str | None:
        """What the system shows for the key already; None where it cannot tell."""
        try:
            return await self._write.find(context, self._key)
        except NotSupported:
            return None

    async def _sent(self) -> Outcome:
        """Send it. From here on it may have happened, but nothing is sent any more when the lease has run out."""
        ends = time.monotonic() + self._rules.lease
        if not await self._still_locked():
            await self._give_up()
            raise WriteNotDone("Something else is being changed here at the moment.")
        sending = msgspec.structs.replace(
            self.record, phase=Phase.SENT, decided=dict(self._write.decided), lock_token=self._lock_token
        )
        if not await self._store.advance(self._key, sending, self._rules.lease):
            raise WriteInProgress  # the lease ran out, and somebody else goes on
        self.record = sending
        try:
            with _until(ends):
                result_id = await self._write.send(self._context, self._key)
        except Declined as refusal:
            self.cause = _cause(refusal)
            scope = current_scope.get()
            if scope is not None and not scope.writes_sent:  # refused before anything was sent: the key is as new
                self.record = msgspec.structs.replace(self.record, phase=Phase.CLAIMED)
                return await self._mistaken([self._problem(refusal)])
            return await self._refused(refusal)
        except ConnectorError as failure:
            self.cause = _cause(failure)
            if not failure.may_have_happened:
                await self._give_up()
                self.record = msgspec.structs.replace(self.record, phase=Phase.CLAIMED)
                if isinstance(failure, NotSupported) or not failure.retryable:
                    raise
                raise WriteNotDone(failure.public) from failure
            return await self._found()
        await self._until_shown()
        return await self._done(result_id)

    async def _still_locked(self) -> bool:
        """Whether the lock is held still. From now on it is until an effect would show, if nobody gives it back."""
        name, token = self._write.lock, self._lock_token
        lasting = max(self._rules.lease, self._settles)
        return name is None or token is None or await self._store.hold(name, token, lasting)

    @property
    def _settles(self) -> float:
        return self._rules.settles.get(self._write.system, 30.0)

    async def _until_shown(self) -> None:
        """Wait until a system that shows its own writes late shows this one."""
        ends = time.monotonic() + self._rules.reads_after.get(self._write.system, 0.0)
        while (left := ends - time.monotonic()) > 0:
            try:
                if await self._write.find(self._context, self._key) is not None:
                    return
            except ConnectorError:
                pass  # it happened; when it shows is a matter of patience
            await asyncio.sleep(min(left, _NEXT_LOOKS))

    async def _found(self) -> Outcome:
        """The answer was lost: what the system shows is what happened; what it does not show yet is unknown."""
        try:
            found = await self._write.find(self._context, self._key)
        except ConnectorError as failure:
            self.cause = f"{self.cause}, then {_cause(failure)}"
            found = None
        if found is not None:
            return await self._done(found)
        return await self._unknown()

    async def _found_or_sent_again(self) -> Outcome:
        """A key that was sent, by a process that did not come to its end."""
        try:
            found = await self._write.find(self._context, self._key)
        except ConnectorError as failure:
            self.cause = _cause(failure)
            return await self._unknown()
        if found is not None:
            await self._unlock_earlier()
            return await self._done(found)
        if self._now < (self.record.sent_at or self._now) + self._settles:
            return await self._unknown()  # it may be on its way still
        await self._unlock_earlier()
        self.record = msgspec.structs.replace(self.record, phase=Phase.CLAIMED)
        return await self._locked()

    async def _done(self, result_id: str) -> Outcome:
        pointer = Pointer(self._write.result, result_id)
        await self._keep(phase=Phase.DONE, result=pointer)
        return Outcome(pointer)

    def _problem(self, refusal: Declined) -> Problem:
        place = self._write.places().get(refusal.attribute or "", ())
        return Problem(_CODES.get(refusal.reason.name, "REFUSED_BY_SYSTEM"), refusal.public, place)

    async def _refused(self, refusal: Declined) -> Outcome:
        problems = (self._problem(refusal),)
        await self._keep(phase=Phase.REFUSED, problems=problems)
        return Outcome(problems=problems)

    async def _unknown(self) -> Outcome:
        await self._keep(phase=Phase.UNKNOWN)
        raise self._write.unknown

    async def _keep(self, **changes: object) -> None:
        """Remember what came of it. That this fails changes nothing about what happened: the system shows it."""
        self.record = msgspec.structs.replace(self.record, **changes)
        try:
            await self._store.advance(self._key, self.record, 0.0)
        except StoreUnavailable:
            self.cause = f"{self.cause}, then {_STORE}" if self.cause else _STORE


@contextmanager
def _until(ends: float) -> Iterator[None]:
    """Systems are asked until then at most: also what waits for its turn is not sent later."""
    scope = current_scope.get()
    assert scope is not None  # noqa: S101  # `_Run.result` made it
    before, scope.deadline = scope.deadline, min(scope.deadline, ends)
    try:
        yield
    finally:
        scope.deadline = before


_CODES: Final = {
    "REQUIRED": "REQUIRED",
    "INVALID": "INVALID",
    "TOO_LONG": "TOO_LONG",
    "NOT_FOUND": "NOT_FOUND",
    "NOT_ALLOWED": "NOT_ALLOWED",
    "WRONG_STATE": "WRONG_STATE",
    "AMOUNT_TOO_HIGH": "AMOUNT_TOO_HIGH",
    "CURRENCY_MISMATCH": "CURRENCY_MISMATCH",
    "ALREADY_PAID": "ALREADY_PAID",
    "CONFLICT": "CONFLICT",
}
"""What clients are told for a system's reasons; any other is REFUSED_BY_SYSTEM."""


def write_key(viewer: Viewer, mutation: str, client_key: str) -> WriteKey:
    """The key of a write: a client's key belongs to its caller and its mutation."""
    parts = "\x1f".join((viewer.issuer, viewer.subject, mutation, client_key))
    return WriteKey(hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32])


_STORE: Final = "STORE_UNAVAILABLE"
_NOT_DONE: Final = "not_done"


def _cause(failure: ConnectorError) -> str:
    return failure.code if failure.status is None else f"{failure.code} {failure.status}"


def _ended(viewer: Viewer, write: Write, key: WriteKey, run: _Run, task: "asyncio.Task[Outcome]") -> Audited:
    record: WriteRecord = run.record
    failure = None if task.cancelled() else task.exception()
    problems = () if task.cancelled() or failure is not None else task.result().problems
    codes = tuple(problem.code for problem in problems)
    if failure is not None:
        codes = (failure.code if isinstance(failure, ConnectorError | PublicError) else "INTERNAL",)
    match record.phase:
        case Phase.CLAIMED:
            outcome = "invalid" if problems else _NOT_DONE
        case Phase.SENT:  # what came of it was not found out, or could not be kept
            outcome = Phase.UNKNOWN.value
        case phase:
            outcome = phase.value
    return _audited(viewer, write, key, outcome=outcome, codes=codes, cause=run.cause, result=record.result)


def _audited(
    viewer: Viewer,
    write: Write,
    key: WriteKey,
    *,
    outcome: str,
    codes: tuple[str, ...],
    cause: str,
    result: Pointer | None = None,
) -> Audited:
    made = f"{result.type}:{result.id}" if result else ""
    caller = f"{viewer.issuer} {viewer.subject}"
    return Audited(caller, write.mutation, write.system, key, write.subject, outcome, made, codes, cause)
