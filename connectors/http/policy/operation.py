"""All policies towards one operation of one system, and what they have learned."""

import logging
import random
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from connectors.errors import Busy, ConnectorError, RateLimited, TimedOut, Unreachable
from connectors.http.policy import retry
from connectors.http.policy.breaker import LONGEST_WISH, Breaker, BreakerState
from connectors.http.policy.budget import Budget
from connectors.http.policy.hedge import Usual
from connectors.http.policy.limit import LEAST, Limit
from connectors.http.policy.outcome import Outcome, may_be_overload, may_be_the_records, outcome_of
from connectors.http.policy.places import Fixed, Line, Places
from connectors.http.request import Request
from connectors.settings import System

logger = logging.getLogger("gateway.systems")


@dataclass(frozen=True, slots=True)
class OperationState:
    """One operation as this process sees it. The numbers from `calls` on count since the process started.

    `refused` calls were not sent: the operation was left in peace. `limit`: calls that may be under way at once.
    """

    name: str
    breaker: BreakerState
    limit: int
    under_way: int
    waiting: int
    calls: int
    broken: int
    refused: int
    retries: int
    hedges: int


class OperationPolicy:
    """Decides whether and when calls of one operation are sent, from what became of those before."""

    __slots__ = (
        "_breaker",
        "_broken",
        "_budget",
        "_clock",
        "_failed_about",
        "_hedge_budget",
        "_hedges",
        "_in_a_row",
        "_is_told",
        "_limit",
        "_line",
        "_most",
        "_places",
        "_refused",
        "_retries",
        "_rules",
        "_slow",
        "_system",
        "_usual",
        "_wished_until",
        "calls",
        "hedges",
        "name",
    )

    def __init__(
        self, name: str, system: str, settings: System, places: Places, clock: Callable[[], float] = time.monotonic
    ) -> None:
        rules = settings.policy
        self.name, self._system, self._rules, self._places, self._clock = name, system, rules, places, clock
        self.calls = self._broken = self._refused = self._retries = self._hedges = 0
        self._slow = settings.slow
        self._breaker = Breaker(rules, lambda: random.uniform(0.9, 1.0)) if rules.breaker else None  # noqa: S311  # no secret
        self._limit = Limit(settings.concurrency, max(LEAST, rules.probes)) if rules.adapts else None
        self._most = settings.concurrency
        self._line = Line(self._limit or Fixed(settings.concurrency), rules.queue)
        # A system that restarts breaks as many kept connections at once as it has places.
        self._budget = Budget(rules.retry_share, settings.concurrency)
        self.hedges = rules.hedge and rules.hedge_share > 0
        self._hedge_budget, self._usual = Budget(rules.hedge_share, 1), Usual()
        self._wished_until, self._is_told, self._in_a_row = 0.0, False, 0
        self._failed_about: set[Hashable] = set()

    @property
    def state(self) -> OperationState:
        """What there is to see of it."""
        return OperationState(
            self.name,
            BreakerState.CLOSED if self._breaker is None else self._breaker.state,
            self._line.limit.now,
            self._line.under_way,
            len(self._line.waiting),
            self.calls,
            self._broken,
            self._refused,
            self._retries,
            self._hedges,
        )

    def take_place(self) -> bool:
        """A place at once, if one is free. It is given back with `leave_place`."""
        return self._places.take(self._line)

    async def wait_for_place(self, request: Request, seconds: float) -> None:
        """Wait for a place, at most so long; not while the operation is left in peace, or tried with a few calls.

        Raises `Busy`, `TimedOut`, or as `admit`; nothing was sent then.
        """
        if seconds <= 0:
            late = f"{request}: the request's deadline has passed, it was not sent"
            raise TimedOut(self._system, late, cut_short=True)
        if self._breaker is not None and self._breaker.state is not BreakerState.CLOSED:
            raise self._refusal(request)
        try:
            if await self._places.wait(self._line, seconds):
                return
        except TimeoutError as error:
            full = f"{request}: no place became free, {self._line.limit.now} of concurrency = {self._most}"
            raise Busy(self._system, full) from error
        raise self._refusal(request)

    def leave_place(self) -> None:
        """Give the place back."""
        self._places.leave(self._line)

    def admit(self, request: Request) -> int:
        """A permit to send the request now: tell `succeeded` or `failed` what became of it.

        Raises `Unreachable` while the operation is left in peace, and `RateLimited` until the time that the system
        named; nothing was sent then, so a write has certainly not been made.
        """
        if self._wished_until and self._clock() < self._wished_until:
            self._refused += 1
            asked_to = f"{request}: the system asked for fewer calls of {self.name}, it was not sent"
            raise _not_asked(RateLimited(self._system, asked_to))
        breaker = self._breaker
        if breaker is not None and breaker.state is not BreakerState.CLOSED and not breaker.admit(self._clock()):
            raise self._refusal(request)
        self.calls += 1
        return 0 if breaker is None else breaker.period

    def succeeded(self, permit: int, began: float, now: float) -> None:
        """The system has answered the call that was sent then."""
        breaker, seconds, self._in_a_row = self._breaker, now - began, 0
        if breaker is not None:
            breaker.record(permit, now, failed=False, slow=seconds >= self._slow)
            if breaker.period != permit:
                self._has_changed("it answers too slowly")
        if self._limit is not None and self._limit.answered(seconds, self._line.under_way):
            self._places.share_out()
        if self.hedges:
            self._usual.answered(seconds)

    def failed(self, permit: int, began: float, failure: BaseException, request: Request) -> None:
        """The call that was sent then failed."""
        now = self._clock()
        match outcome_of(failure, request):
            case Outcome.ANSWERED:
                self.succeeded(permit, began, now)
            case Outcome.BROKE:
                assert isinstance(failure, ConnectorError)  # noqa: S101  # nothing else is known to be the system's
                self._broke(permit, began, now, failure, request)
            case Outcome.UNKNOWN:
                self._said_nothing(permit, began, now)

    def _broke(self, permit: int, began: float, now: float, failure: ConnectorError, request: Request) -> None:
        self._broken += 1
        self._in_a_row += 1
        if self._limit is not None and may_be_overload(failure):
            self._limit.not_answered(began, now)
        if failure.retry_after is not None:
            until = now + min(failure.retry_after, LONGEST_WISH)
            if isinstance(failure, RateLimited):
                self._wished_until = max(self._wished_until, until)
            if self._breaker is not None:
                self._breaker.rest_until(until)
        if self._breaker is None:
            return
        if self._is_told_again(failure, request.about):
            self._breaker.give_back(permit)
            return
        self._breaker.record(permit, now, failed=True, slow=False)
        if self._breaker.period != permit:
            self._has_changed(failure.detail)

    def _said_nothing(self, permit: int, began: float, now: float) -> None:
        """The call was ended from this side: slow it was all the same, if it took so long."""
        if self._breaker is None:
            return
        if now - began < self._slow:
            self._breaker.give_back(permit)
            return
        self._breaker.record(permit, now, failed=False, slow=True)
        if self._breaker.period != permit:
            self._has_changed("it answers too slowly")

    def _is_told_again(self, failure: ConnectorError, about: Hashable) -> bool:
        """Whether this question failed before, while others are answered: its records are at fault, not the system.

        Others are, until so many calls in a row were not as the breaker needs to judge.
        """
        if about is None or not may_be_the_records(failure):
            return False
        if about in self._failed_about and self._in_a_row < self._rules.least_calls:
            return True
        if len(self._failed_about) >= self._rules.window:
            self._failed_about.clear()
        self._failed_about.add(about)
        return False

    def _has_changed(self, why: str) -> None:
        """The breaker has another state: tell it once when the operation is lost, and once when it is back."""
        assert self._breaker is not None  # noqa: S101  # it has changed
        self._failed_about.clear()
        if self._breaker.state is BreakerState.OPEN:
            self._places.dismiss(self._line)
            if not self._is_told:
                logger.warning("%s.%s is left in peace: %s", self._system, self.name, why)
                self._is_told = True
        elif self._breaker.state is BreakerState.CLOSED:
            logger.warning("%s.%s is well again", self._system, self.name)
            self._is_told = False

    def _refusal(self, request: Request) -> ConnectorError:
        self._refused += 1
        detail = f"{request}: {self.name} has failed too often lately and is left in peace, it was not sent"
        return _not_asked(Unreachable(self._system, detail, nothing_sent=True))

    def pause_before_retry(self, failure: ConnectorError, request: Request, number: int, left: float) -> float | None:
        """Seconds to wait before the request is sent again, `number` repetitions having been; None if it is not.

        `left`: seconds in which it must be answered. Each repetition is paid for out of the budget.
        """
        if number >= self._rules.retries or not retry.may_help(failure, request):
            return None
        seconds = retry.pause(number, self._rules.backoff, failure.retry_after, random.random)
        usual = self._limit.usual if self._limit is not None else 0.0
        if seconds + usual >= left or not self._budget.spend(self.calls - self._retries - self._hedges):
            return None
        self._retries += 1
        return seconds

    @property
    def hedges_after(self) -> float | None:
        """Seconds without an answer after which a read may be asked a second time; None as long as none may."""
        return self._usual.p95 if self.hedges else None

    def may_hedge(self) -> bool:
        """Whether a second call is in the budget; then it counts."""
        if not self._hedge_budget.spend(self.calls - self._retries - self._hedges):
            return False
        self._hedges += 1
        return True


def _not_asked(failure: ConnectorError) -> ConnectorError:
    failure.was_asked = False
    return failure
