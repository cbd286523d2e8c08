"""Runs calls of the driver under test, counts their requests, and describes wrong results in sentences."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from connectors.conformance.promises import Keyed, Listed, Method, Promises, Searched
from connectors.errors import ConnectorError, NotSupported
from connectors.http.scope import RequestScope, UpstreamCall, request_scope
from connectors.records import Fields, Rows, Window
from connectors.settings import System

PATIENCE: Final = 600.0
"""Seconds for one call of the driver; each of its requests has the system's own timeout."""

Mark = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one check of one method. `reason` is one sentence, or empty.

    `calls` counts the check's requests. `cost` is set by the check `calls`: "1/1" are the requests for one key and for
    many. `error`: the system's failure that a failed check met.
    """

    check: str
    method: str
    mark: Mark
    reason: str = ""
    calls: int = 0
    ms: float = 0.0
    cost: str = ""
    error: ConnectorError | None = None


class Failure(Exception):
    """The driver breaks a promise of its port. The message tells the call, its result, and the right result."""


class Skipped(Exception):
    """The check cannot be made. The message tells why, and what would make it possible."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result or error of a call, and its requests."""

    value: Any
    error: Exception | None
    requests: Sequence[UpstreamCall]

    @property
    def calls(self) -> int:
        """The number of requests."""
        return len(self.requests)


def always_asked(system: System) -> System:
    """The same system, of which no operation is left in peace: it fails because the checks make it fail."""
    return system.model_copy(update={"policy": system.policy.model_copy(update={"breaker": False})})


@dataclass
class Trial:
    """A driver under test, and data of its system: `keys` are sample keys by kind, `samples` records by class and id.

    `found` are results by method, `refused` the reasons of partial methods that raised NotSupported.
    """

    domain: str
    promises: Promises
    driver: Any
    system: System
    build: Callable[[System], Any]
    sample_size: int = 5
    check_credentials: bool = True
    keys: dict[str, list[str]] = field(default_factory=dict)
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    samples: dict[type, dict[str, Any]] = field(default_factory=dict)
    found: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    errors: list[ConnectorError] = field(default_factory=list)

    @property
    def unsupported(self) -> Mapping[str, str]:
        """The driver's declaration of unsupported methods and attributes."""
        declared: Mapping[str, str] = getattr(self.driver, "unsupported", {})
        return declared

    def is_unsupported(self, method: Method) -> bool:
        """Whether the method is declared unsupported. A partial one must also have refused this kind of key."""
        partial = isinstance(method, Keyed) and method.partial
        return method.name in self.unsupported and (not partial or method.name in self.refused)

    @property
    def one_by_one(self) -> Mapping[str, str]:
        """The driver's declaration of methods with one request per key, and of attributes with one per record."""
        declared: Mapping[str, str] = getattr(self.driver, "one_by_one", {})
        return declared

    @property
    def empty_is_404(self) -> bool:
        """Whether the driver declares that its system answers an empty list with 404, as it does a wrong address."""
        return bool(getattr(self.driver, "empty_is_404", False))

    async def attempt(self, asking: Callable[[], Awaitable[Any]]) -> Outcome:
        """Make a call; its error is part of the outcome."""
        with request_scope(RequestScope.lasting(PATIENCE)) as scope:
            value, error = None, None
            try:
                value = await asking()
            except Exception as raised:  # noqa: BLE001  # a driver may raise anything, which is reported
                error = raised
        self.calls += len(scope.calls)
        met = [error, *(value.values() if isinstance(value, Mapping) else ())]
        self.errors += [one for one in met if isinstance(one, ConnectorError)]
        return Outcome(value, error, scope.calls)

    async def ask(self, what: str, asking: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call that must succeed. Raises Failure."""
        outcome = await self.attempt(asking)
        if outcome.error is not None:
            raise Failure(f"{what} {describe_error(outcome.error)}; right would be an answer.")
        return outcome.value

    async def keyed(
        self,
        method: Keyed,
        keys: Sequence[str],
        window: Window | None = None,
        fields: Fields | None = None,
        ask: Any = None,
        also: str = "",
    ) -> dict[str, Any]:
        """Call a method with keys: its mapping without empty lists; keys may map to failures. Raises Failure."""
        what = f"{call_text(method, keys, window, fields)}{also}"
        found = await self.ask(what, lambda: (ask or method.ask)(self.driver, keys, window, fields))
        if not isinstance(found, Mapping):
            raise Failure(f"{what} gave {_type(found)}; right is a mapping from key to {_shape(method)}.")
        if foreign := [key for key in found if key not in set(keys)]:
            raise Failure(f"{what} gave something under {brief(foreign)}; right are only keys that were asked for.")
        for key, one in found.items():
            if isinstance(one, ConnectorError):
                continue
            if not isinstance(one, Rows if method.many else method.record):
                raise Failure(f"{what} gave {_type(one)} under {brief(key)}; right is {_shape(method)}.")
        return {key: one for key, one in found.items() if not (isinstance(one, Rows) and not one.items)}

    async def all_keyed(self, method: Keyed, keys: Sequence[str], **more: Any) -> dict[str, Any]:
        """Call a method with keys of which none may fail. Raises Failure."""
        found = await self.keyed(method, keys, **more)
        for key, one in found.items():
            if isinstance(one, ConnectorError):
                raise Failure(
                    f"{call_text(method, keys)}: {brief(key)} {describe_error(one)}; right would be its"
                    f" {_shape(method)}."
                )
        return found

    async def rows(
        self,
        method: Listed | Searched,
        window: Window,
        text: str = "",
        fields: Fields | None = None,
        ask: Any = None,
        also: str = "",
    ) -> Rows[Any]:
        """Call a list or a search for a window. Raises Failure."""
        arguments = (text, window, fields) if isinstance(method, Searched) else (window, fields)
        what = f"{method.name}({', '.join(map(brief, arguments))}{also})"
        found = await self.ask(what, lambda: (ask or method.ask)(self.driver, *arguments))
        if not isinstance(found, Rows):
            raise Failure(f"{what} gave {_type(found)}; right is Rows of {method.record.__name__}.")
        for one in found.items:
            if not isinstance(one, method.record):
                raise Failure(f"{what} gave {_type(one)} among its rows; right is {method.record.__name__}.")
        return found

    def sample_keys(self, method: Keyed) -> list[str]:
        """Up to `sample_size` keys for which the method found something. Raises Skipped if there are none."""
        if method.name in self.refused:
            raise Skipped(f"{method.name} is not to be had by a {method.kind}: {self.refused[method.name]}")
        found = self.found.get(method.name, {})
        keys = [key for key in self.keys.get(method.kind, ()) if key in found][: self.sample_size]
        if not keys and not method.many and (listed := list(self.samples.get(method.record, ()))):
            raise Failure(
                f"{method.name} finds none of the {len(listed)} that its own lists name, such as {brief(listed[0])};"
                " right is each of them. Perhaps the system does not take several keys in one question,"
                " or wants values that look like numbers in quotes."
            )
        if not keys:
            raise Skipped(
                f"no {method.kind} is known that {method.name} finds something for: name one that has"
                f" {'rows' if method.many else 'a record'} with --key {method.kind}=..."
            )
        return keys

    def sample_rows(self, method: Searched) -> list[Any]:
        """Up to `sample_size` records that a search may look for. Raises Skipped if there are none."""
        rows = list(self.samples.get(method.record, {}).values())[: self.sample_size]
        if not rows:
            raise Skipped(f"no {method.record.__name__} is known whose text {method.name} could look for.")
        return rows


def rows_in_window(rows: Rows[Any], window: Window) -> list[Any]:
    """The rows of the window, which are cut from a complete list."""
    items = list(rows.items)
    return items[window.offset : window.offset + window.limit] if rows.complete else items


def describe_error(error: BaseException) -> str:
    """A failure in words."""
    if isinstance(error, NotSupported):
        return f"raised NotSupported ({error.detail}) without being declared in `unsupported`"
    if isinstance(error, ConnectorError):
        return f"failed with {type(error).__name__} ({error.detail})"
    return f"raised {type(error).__name__} ({str(error)[:150]}), which is no ConnectorError"


def call_text(method: Method, keys: Sequence[str], window: Window | None = None, fields: Fields | None = None) -> str:
    """A call of the method, as written in Python."""
    more = "" if window is None else f", {brief(window)}"
    return f"{method.name}({brief(list(keys))}{more}{'' if fields is None else ', ' + brief(fields)})"


def brief(value: Any) -> str:
    """A value as text, shortened to fit into a sentence."""
    match value:
        case Window():
            return f"Window({value.offset}, {value.limit})"
        case frozenset():
            return "fields={" + ", ".join(sorted(value)) + "}"
        case list() | tuple() if len(value) > 6:
            return f"[{', '.join(map(brief, value[:5]))}, ... {len(value)} in all]"
        case list() | tuple():
            return f"[{', '.join(map(brief, value))}]"
        case _:
            text = repr(value)
            return text if len(text) <= 80 else f"{text[:60]}...{text[-10:]}"


def _type(value: Any) -> str:
    return f"{brief(value)} ({type(value).__name__})"


def _shape(method: Keyed) -> str:
    return f"Rows of {method.record.__name__}" if method.many else method.record.__name__


async def result_of(trial: Trial, check: str, method: str, run: Callable[[], Awaitable[str]]) -> Result:
    """Run a check of a method. It returns the reason of a success, and raises `Failure` or `Skipped`."""
    before, started = trial.calls, time.monotonic()
    trial.errors.clear()
    mark: Mark = "passed"
    cost = ""
    try:
        reason = await run()
        cost = reason if check == "calls" else ""
    except (Failure, Skipped) as told:
        mark, reason = "failed" if isinstance(told, Failure) else "skipped", str(told.args[0])
        cost = str(told.args[1]) if len(told.args) > 1 else ""
    # The check `errors` asks broken systems, whose failures say nothing of this one.
    met = trial.errors[0] if mark == "failed" and check != "errors" and trial.errors else None
    return Result(check, method, mark, reason, trial.calls - before, (time.monotonic() - started) * 1000, cost, met)
