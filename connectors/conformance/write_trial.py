"""One method that writes, under test: the driver behind the proxy, its calls, and what they came to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connectors.conformance.trial import Failure, Outcome, Skipped, Trial, describe_error
from connectors.conformance.wire import Wire
from connectors.conformance.writing import Effect, WriteCall, Writing, settled
from connectors.errors import ConnectorError, NotSupported
from connectors.settings import System
from connectors.writes import WriteKey


@dataclass(frozen=True, slots=True)
class Done:
    """An effect that was made, with its key, and what the driver gave."""

    effect: Effect
    key: WriteKey
    value: Any


@dataclass
class WriteTrial:
    """A method that writes, and the proxy before its system. `beyond` are the settings of a driver that uses it."""

    trial: Trial
    writing: Writing
    wire: Wire
    beyond: System
    done: list[Done] = field(default_factory=list)

    @cached_property
    def driver(self) -> Any:
        """The driver that sends all through the proxy; it may remember what it met, such as keys that are dropped."""
        return self.trial.build(self.beyond)

    async def attempt(self, write: WriteCall, key: WriteKey, driver: Any = None) -> Outcome:
        """Write through the proxy; an error is part of the outcome."""
        by = self.driver if driver is None else driver
        return await self.trial.attempt(lambda: write(by, key))

    async def made(self, effect: Effect, key: WriteKey) -> Done:
        """Write what must succeed, and have exactly one effect. Raises `Failure`."""
        before = await self.count(effect)
        outcome = await self.attempt(effect.write, key)
        if outcome.error is not None:
            raise Failure(f"{effect.call} {describe_error(outcome.error)}; right would be a success.")
        await self.has_one_effect(effect, before)
        return Done(effect, key, outcome.value)

    async def has_one_effect(self, effect: Effect, before: int | None) -> None:
        """Raise `Failure` if a call sent a write twice, none, or there is not exactly one more than `before`."""
        if again := self.wire.repeated():
            raise Failure(f"{effect.call} sent {again} twice; right is each write once, whatever is answered.")
        if not self.wire.written:
            raise Failure(f"{effect.call} sent nothing that writes; right is one request that does.")
        now = await settled(self.trial.system, lambda: self.count(effect), lambda now: now in (None, (before or 0) + 1))
        if before is not None and now is not None and now != before + 1:
            raise Failure(f"{effect.call} made {now - before} of what it should make one of; right is one.")

    async def count(self, effect: Effect) -> int | None:
        """How many effects of this kind there are; None where that cannot be told."""
        try:
            return None if effect.count is None else await effect.count()
        except NotSupported:
            return None

    async def wrong(self, ask: Callable[[Any], Awaitable[str]], value: Any) -> str:
        """What is not as it was written (`Effect.wrong`); empty if nothing."""
        return await settled(self.trial.system, lambda: ask(value), lambda wrong: not wrong)

    async def find(self, effect: Effect, key: WriteKey) -> Any:
        """What the `@fresh` method says of a key that was written with: an id or True, else None.

        Raises `Failure`, `Skipped`.
        """
        return await settled(self.trial.system, lambda: self.find_now(effect, key), bool)

    async def find_now(self, effect: Effect, key: WriteKey) -> Any:
        """The same of any key, without patience."""
        name = self.writing.finder
        if effect.find is None:
            raise Skipped(f"the port has no method that finds what {self.writing.name} has written.")
        if name in self.trial.unsupported:
            raise Skipped(f"{name} is declared unsupported: {self.trial.unsupported[name]}")
        find = effect.find
        outcome = await self.trial.attempt(lambda: find(self.driver, key))
        if isinstance(outcome.error, NotSupported):
            raise Skipped(f"{name} raised NotSupported ({outcome.error.detail}): a lost answer stays unknown here.")
        if outcome.error is not None:
            raise Failure(f"{name} {describe_error(outcome.error)}; right would be an answer.")
        return outcome.value or None

    def is_found(self, done: Done, found: Any) -> bool:
        """Whether what the finder says is the effect that was made."""
        return found is True if done.value is None else bool(found == done.value)


def no_connector_error(call: str, error: BaseException | None, right: str) -> None:
    """Raise `Failure` if a write did not fail as a driver may."""
    if error is None:
        raise Failure(f"{call} was a success; right is {right}.")
    if not isinstance(error, ConnectorError):
        raise Failure(f"{call} {describe_error(error)}; right is {right}.")
