"""One write under its claim, to its end: the steps 2 to 6 of `resolvers.writing.writes`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec

from connectors.errors import ConnectorError, Declined, NotSupported, Reason
from connectors.http.scope import RequestScope, current_scope, request_scope
from connectors.store.writes import Claim, Phase, Pointer, Problem, StoreUnavailable, WriteStore
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.errors import PublicError, WriteInProgress, WriteNotDone
from resolvers.writing.audit import STORE, cause_of
from resolvers.writing.write import Outcome, Write, WriteRules

T = TypeVar("T")

FIRST_LOOK: Final = 0.02
NEXT_LOOKS: Final = 0.2
"""Seconds between two looks at what another process holds: the first, and at most."""


class WriteRun:
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
                self.cause = STORE
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
        pause, ends = FIRST_LOOK, time.monotonic() + self._rules.wait
        while (token := await self._store.lock(name, self._rules.lease)) is None:
            if time.monotonic() + pause >= ends:
                await self._give_up()
                raise WriteNotDone("Something else is being changed here at the moment.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, NEXT_LOOKS)
        return token

    async def _unlock(self, name: str, token: int) -> None:
        try:
            await self._store.unlock(name, token)
        except StoreUnavailable:
            self.cause = self.cause or STORE  # its lease ends it

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
            self.cause = cause_of(failure)
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
            self.cause = cause_of(refusal)
            scope = current_scope.get()
            if scope is not None and not scope.writes_sent:  # refused before anything was sent: the key is as new
                self.record = msgspec.structs.replace(self.record, phase=Phase.CLAIMED)
                return await self._mistaken([self._problem(refusal)])
            return await self._refused(refusal)
        except ConnectorError as failure:
            self.cause = cause_of(failure)
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
            await asyncio.sleep(min(left, NEXT_LOOKS))

    async def _found(self) -> Outcome:
        """The answer was lost: what the system shows is what happened; what it does not show yet is unknown."""
        try:
            found = await self._write.find(self._context, self._key)
        except ConnectorError as failure:
            self.cause = f"{self.cause}, then {cause_of(failure)}"
            found = None
        if found is not None:
            return await self._done(found)
        return await self._unknown()

    async def _found_or_sent_again(self) -> Outcome:
        """A key that was sent, by a process that did not come to its end."""
        try:
            found = await self._write.find(self._context, self._key)
        except ConnectorError as failure:
            self.cause = cause_of(failure)
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
        code = "REFUSED_BY_SYSTEM" if refusal.reason is Reason.OTHER else refusal.reason.name
        return Problem(code, refusal.public, place)

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
            self.cause = f"{self.cause}, then {STORE}" if self.cause else STORE


@contextmanager
def _until(ends: float) -> Iterator[None]:
    """Systems are asked until then at most: also what waits for its turn is not sent later."""
    scope = current_scope.get()
    assert scope is not None  # noqa: S101  # `WriteRun.result` made it
    before, scope.deadline = scope.deadline, min(scope.deadline, ends)
    try:
        yield
    finally:
        scope.deadline = before
