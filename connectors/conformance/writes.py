"""The part of the suite that writes: what it will change (`plan_writes`), and then, on request, the checks.

A proxy stands between the driver and its system (`wire`): it counts what is sent, and loses or replaces answers.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.conformance import lost, written
from connectors.conformance.promises import Promises
from connectors.conformance.samples import collect_samples
from connectors.conformance.trial import Failure, Result, Skipped, Trial, always_asked, describe_error, result_of
from connectors.conformance.wire import wire_to
from connectors.conformance.write_trial import WriteTrial
from connectors.conformance.writing import Writing
from connectors.errors import ConnectorError, NotSupported
from connectors.settings import System

WRITE_CHECKS: Final[Mapping[str, str]] = {
    "once": "a call has one effect, and sends no write twice",
    "shows": "what is read afterwards has the owners and values that were written",
    "key": "what was written is found by its key, and by no other one",
    "again": "another key is another effect; where all is as it is wanted, nothing is sent",
    "lost": "an answer that is lost may have happened, is not sent again, and is found by its key",
    "down": "where the system is not reached, nothing can have happened, and the failure says so",
    "answers": "an answer that does not tell what came of it is no success, and may have happened",
    "refused": "a refusal is Declined, with a reason and an attribute, and nothing happened",
    "conflict": "a conflict (409) is a refusal",
    "place": "an attribute is written, or Declined: never dropped",
    "unsup.": "methods declared unsupported raise NotSupported without a request",
    "undone": "what can be taken back is as it was",
}
"""The checks, in the order of the table's columns, and what each is about."""

_CHECKS: Final[Mapping[str, Callable[[WriteTrial], Awaitable[str]]]] = {
    "once": written.once,
    "shows": written.shows,
    "key": written.key,
    "again": written.again,
    "lost": lost.lost,
    "down": lost.down,
    "answers": lost.answers,
    "refused": written.refused,
    "conflict": lost.conflict,
    "place": written.place,
}
_ALONE: Final = frozenset({"down", "refused", "conflict", "answers", "place"})
"""Checks that can be made although a write failed that should not."""


@dataclass
class WritePlan:
    """What will be written, before anything is. `changes` are sentences, by method; `skipped` the reasons why not."""

    trial: Trial
    changes: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    _writings: list[Writing] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """The methods that are checked."""
        return [one.name for one in self._writings]

    async def add(self, writing: Writing) -> None:
        """Find out what a method will change."""
        self._writings.append(writing)
        if writing.name in self.trial.unsupported:
            return
        try:
            self.changes[writing.name] = await writing.prepare()
        except Skipped as why:
            self.skipped[writing.name] = str(why)
        except ConnectorError as failure:
            self.skipped[writing.name] = f"what to write to could not be read: {failure}"

    async def run(self, tell: Callable[[Result], None] = lambda _: None) -> list[Result]:
        """Write, check, and take back what can be, also where it is cancelled. Whatever fails becomes a result.

        `tell` is called with each result as it is found.
        """
        results: list[Result] = []

        def found(result: Result) -> None:
            results.append(result)
            tell(result)

        async with wire_to(self.trial.system) as (wire, beyond):
            begun: list[WriteTrial] = []
            try:
                for writing in self._writings:
                    trial = WriteTrial(self.trial, writing, wire, beyond)
                    for name in filter(None, (writing.name, writing.finder)):
                        if name in self.trial.unsupported:
                            found(await _result(trial, "unsup.", name, written.refuses_call(name)))
                    if writing.name in self.skipped:
                        found(Result("once", writing.name, "skipped", self.skipped[writing.name]))
                    elif writing.name in self.changes:
                        begun.append(trial)
                        await _of_writing(trial, found)
            finally:
                restored = [await _result(one, "undone", one.writing.name, written.restore) for one in begun]
            for result in restored:
                if result.reason or result.mark == "failed":
                    found(result)
        return results


async def plan_writes(
    domain: str,
    promises: Promises,
    build: Callable[[System], Any],
    settings: System,
    *,
    keys: Mapping[str, Sequence[str]] | None = None,
    only: Collection[str] = (),
) -> WritePlan:
    """Read what there is to write to. `keys` and `only` are as for `conform`; nothing is written."""
    settings = always_asked(settings)
    trial = Trial(domain, promises, build(settings), settings, build, given=dict(keys or {}))
    await collect_samples(trial)
    plan = WritePlan(trial)
    for writing in promises.writings(trial) if promises.writings else ():
        if not only or writing.name in only:
            await plan.add(writing)
    return plan


async def _of_writing(trial: WriteTrial, found: Callable[[Result], None]) -> None:
    why = ""
    absent = {"" if trial.writing.finder else "key", "" if trial.writing.has_places else "place"}
    for name, check in _CHECKS.items():
        if name in absent:
            continue
        if why and name not in _ALONE:
            found(Result(name, trial.writing.name, "skipped", why))
            continue
        result = await _result(trial, name, trial.writing.name, check)
        if name == "once" and result.mark != "passed":
            why = result.reason if result.mark == "skipped" else f"see {trial.writing.name}, once."
        found(result)


async def _result(trial: WriteTrial, check: str, method: str, run: Callable[[WriteTrial], Awaitable[str]]) -> Result:
    async def checked() -> str:
        trial.wire.clear()
        try:
            return await run(trial)
        except (Failure, Skipped):
            raise
        except NotSupported as why:
            raise Skipped(f"what is read for this check is not supported: {why.detail}") from why
        except Exception as failure:
            raise Failure(
                f"{method}: what is read for this check {describe_error(failure)}; right is an answer."
            ) from failure
        finally:
            trial.wire.clear()

    return await result_of(trial.trial, check, method, checked)
