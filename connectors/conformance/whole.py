"""Checks that no row vanishes silently where a system's answers are a little odd: it is there, or the answer says so.

A proxy changes the system's answers: one attribute of every row is a list of a list, one row has a text that is no
JSON, the totals are too low, or there is no answer at all (204).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from connectors.conformance.checks import rows_of
from connectors.conformance.promises import Keyed
from connectors.conformance.trial import Failure, Trial, brief, call_text, describe_error
from connectors.conformance.wire import wire_to
from connectors.errors import ConnectorError, Garbled
from connectors.http.health import SystemStatus
from connectors.records import Rows

_MOST_ATTRIBUTES: Final = 12
_KEYS: Final = 2
_DEEPEST: Final = 3
_ODD: Final = [["neither a text, nor a number, nor an object"]]
_MARK: Final = "half-of-a-surrogate-pair"
_TOTALS: Final = re.compile(r"(?:total|count|.*_count)$")
_HEADERS: Final = ("X-Total-Count",)
_OF: Final = re.compile(r"/[1-9][0-9]*$")

Change = Callable[[Any], Any]
"""Changes the decoded body of an answer in place, or makes another one."""


async def whole(trial: Trial, method: Keyed) -> str:
    """Check that odd answers cost no row, unless the result says so: by a failure, `unread`, or no total."""
    keys = trial.sample_keys(method)[:_KEYS]
    right = {key: trial.found[method.name][key] for key in keys}
    async with wire_to(trial.system) as (wire, system):
        seen: dict[str, None] = {}
        wire.changes = _changing(lambda body: _note_attributes(body, seen))
        await _try(trial, method, trial.build(system), right, "the system is asked through a proxy")
        wire.changes = _changing(_break_a_text)
        what = "one row has a text with half of a surrogate pair"
        await _try(trial, method, trial.build(system), right, what, costs_nothing=True)
        wire.changes = _lower_totals
        await _try(trial, method, trial.build(system), right, "the totals are too low")
        names = list(seen)[:_MOST_ATTRIBUTES]
        for name in names:
            wire.changes = _changing(lambda body, name=name: _spoil(body, name))  # type: ignore[misc]  # bound in the loop
            await _try(trial, method, trial.build(system), right, f"{name} is a list of a list in every row")
        wire.changes = lambda _answer: web.Response(status=204)
        await _nothing(trial, method, trial.build(system), keys)
    return f"{len(names)} odd attributes, a broken text, low totals, no content"


async def _try(
    trial: Trial, method: Keyed, driver: Any, right: Mapping[str, Any], where: str, *, costs_nothing: bool = False
) -> None:
    keys = list(right)
    outcome = await trial.attempt(lambda: method.ask(driver, keys, None, None))
    call = f"{call_text(method, keys)}, where {where},"
    if _says_so(outcome.error, costs_nothing=costs_nothing):
        return
    if outcome.error is not None:
        raise Failure(f"{call} {describe_error(outcome.error)}; right is {_right(costs_nothing=costs_nothing)}.")
    for key, one in right.items():
        found = outcome.value.get(key)
        lost = {row.id for row in rows_of(one)} - {row.id for row in _rows(found)}
        if lost and not _says_so(found, costs_nothing=costs_nothing):
            raise Failure(
                f"{call} lost {brief(sorted(lost))} under {brief(key)}; right is {_right(costs_nothing=costs_nothing)}."
            )


def _right(*, costs_nothing: bool) -> str:
    if costs_nothing:
        return "the same rows, as that text can be repaired, and is not needed"
    return "the same rows, or a result that says so: a ConnectorError, or Rows with `unread` and without a total"


async def _nothing(trial: Trial, method: Keyed, driver: Any, keys: Sequence[str]) -> None:
    outcome = await trial.attempt(lambda: method.ask(driver, list(keys), None, None))
    call = f"{call_text(method, keys)}, where every answer is 204 without a body,"
    found = [outcome.error] if outcome.error is not None else list(outcome.value.values())
    for one in found:
        if isinstance(one, Exception) and (isinstance(one, Garbled) or not isinstance(one, ConnectorError)):
            raise Failure(f"{call} {describe_error(one)}; right is nothing: that is what 204 says.")
        if rows := _rows(one):
            raise Failure(f"{call} gave {brief([row.id for row in rows])}; right is nothing.")
    if driver.http.health.status is SystemStatus.DOWN:
        raise Failure(f"{call} made the system DOWN; right is UP, for it has answered.")


def _rows(found: Any) -> list[Any]:
    return [] if found is None or isinstance(found, Exception) else rows_of(found)


def _says_so(found: Any, *, costs_nothing: bool) -> bool:
    """Whether a result says that rows are missing; where nothing may be, only a failure for another reason does."""
    if costs_nothing:
        return isinstance(found, ConnectorError) and not isinstance(found, Garbled)
    return isinstance(found, ConnectorError) or (isinstance(found, Rows) and (found.unread > 0 or found.total is None))


def _changing(change: Change) -> Callable[[web.Response], web.Response]:
    """The change of an answer by the change of its JSON; other answers stay as they are."""

    def changed(answer: web.Response) -> web.Response:
        body = answer.body
        if not isinstance(body, bytes) or not body:
            return answer
        try:
            made = change(msgspec.json.decode(body, type=Any))
        except msgspec.DecodeError:
            return answer
        content = msgspec.json.encode(made).replace(_MARK.encode(), b"\\ud800")
        return _with_body(answer, content)

    return changed


def _with_body(answer: web.Response, content: bytes) -> web.Response:
    changed = web.Response(status=answer.status, body=content)
    changed.headers.popall("Content-Type", None)
    changed.headers.extend([(name, value) for name, value in answer.headers.items() if name != "Content-Length"])
    return changed


def _lists(body: Any, depth: int = _DEEPEST) -> Iterator[list[dict[str, Any]]]:
    """The lists of rows in a body: those of objects that are not within another one."""
    if isinstance(body, list):
        if rows := [one for one in body if isinstance(one, dict)]:
            yield rows
    elif isinstance(body, dict) and depth:
        for one in body.values():
            yield from _lists(one, depth - 1)


def _note_attributes(body: Any, seen: dict[str, None]) -> Any:
    seen.update(dict.fromkeys(name for rows in _lists(body) for row in rows for name in row))
    return body


def _spoil(body: Any, name: str) -> Any:
    for row in _all(_lists(body)):
        if name in row:
            row[name] = _ODD
    return body


def _break_a_text(body: Any) -> Any:
    for rows in _lists(body):
        rows[0]["gatewayTest"] = _MARK
    return body


def _lower_totals(answer: web.Response) -> web.Response:
    lower = _changing(_lower)(answer)
    for name in _HEADERS:
        if name in lower.headers:
            lower.headers[name] = "1" if lower.headers[name] != "0" else "0"
    if (said := lower.headers.get("Content-Range")) is not None:
        lower.headers["Content-Range"] = _OF.sub("/1", said)
    return lower


def _lower(body: Any, depth: int = _DEEPEST) -> Any:
    if isinstance(body, dict) and depth:
        for name, value in body.items():
            if isinstance(value, int) and value > 1 and _TOTALS.match(name):
                body[name] = 1
            else:
                _lower(value, depth - 1)
    return body


def _all(lists: Iterable[Iterable[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for rows in lists:
        yield from rows
