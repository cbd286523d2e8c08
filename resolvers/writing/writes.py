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
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from connectors.http.scope import current_scope
from connectors.store.writes import Claim, Phase, Problem, StoreUnavailable, WriteStore
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.errors import Forbidden, WriteInProgress, WriteNotDone
from resolvers.viewer import Viewer
from resolvers.writing.audit import NOT_DONE, STORE, Audited, audited, audited_end
from resolvers.writing.run import FIRST_LOOK, NEXT_LOOKS, WriteRun
from resolvers.writing.write import Outcome, Write, WriteRules

_LAST_LOOK: Final = 0.5
"""Seconds for looking how far a write has come whose request has no time left."""


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
            if scope.remaining() <= 0:  # an earlier mutation of the document took it all
                raise WriteNotDone("There was no time left for this.")
        pause = FIRST_LOOK
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
            pause = min(2 * pause, NEXT_LOOKS)

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
            self._audit(audited(viewer, write, key, outcome=NOT_DONE, codes=(told.code,), cause=STORE))
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
        run = WriteRun(self._store, self._rules, key, write, claim, context.anew(write.needs))
        task = asyncio.create_task(run.result(current_scope.get()))
        running = self._running[key] = _Running(write.fingerprint, task)

        def ended(task: asyncio.Task[Outcome]) -> None:
            del self._running[key]
            self._audit(audited_end(context.viewer, write, key, run.record, run.cause, task))

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


def write_key(viewer: Viewer, mutation: str, client_key: str) -> WriteKey:
    """The key of a write: a client's key belongs to its caller and its mutation."""
    parts = "\x1f".join((viewer.issuer, viewer.subject, mutation, client_key))
    return WriteKey(hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:32])
