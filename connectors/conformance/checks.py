"""Checks of methods with keys: a key's result must not depend on the batch's other keys, nor hold their rows."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.conformance.order import first_out_of_order
from connectors.conformance.promises import Keyed
from connectors.conformance.trial import Failure, Skipped, Trial, brief, call_text, rows_in_window
from connectors.conformance.types import wrong_attribute
from connectors.errors import ConnectorError
from connectors.records import Rows, Window, attributes


def rows_of(one: Any) -> list[Any]:
    """The records in a key's result."""
    return list(one.items) if isinstance(one, Rows) else [one]


def missing_key(key: str) -> str:
    """A key of the same form that almost certainly does not exist."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key):
        return "00000000-0000-4000-8000-000000000000"
    if key.isdigit():
        return "999999999"
    return re.sub("[0-9]", "9", key) if re.search("[0-8]", key) else f"{key}-nobody"


async def answers(trial: Trial, method: Keyed) -> str:
    """Check that the method returns records of the port's types with attributes of the right types."""
    keys = trial.sample_keys(method)
    found = await trial.all_keyed(method, keys)
    count = 0
    for key, one in found.items():
        if isinstance(one, Rows) and one.complete and one.total not in (None, len(one.items)):
            raise Failure(
                f"{call_text(method, [key])} gave {len(one.items)} rows as complete with total={one.total}; right is"
                " total = the number of rows, or None where some cannot be read."
            )
        rows = rows_of(one)
        count += len(rows)
        for row in rows:
            if not isinstance(row, method.record):
                raise Failure(
                    f"{call_text(method, [key])} gave a {type(row).__name__}; right is {method.record.__name__}."
                )
            if wrong := wrong_attribute(row):
                raise Failure(f"{method.record.__name__} {row.id!r:.60} of {call_text(method, [key])}: {wrong}.")
    if not found:
        raise Failure(f"{call_text(method, keys)} found nothing this time, although it had; right is the same answer.")
    trial.found[method.name] = {**trial.found.get(method.name, {}), **found}
    return f"{count} records under {len(found)} keys"


async def batch(trial: Trial, method: Keyed) -> str:
    """Check that a batch, reordered and with a repeated key, gives the same as each key alone."""
    keys = trial.sample_keys(method)
    if len(keys) < 2:
        raise Skipped(f"a batch needs two keys of the kind {method.kind}, and one is known: name more with --key.")
    together = await trial.all_keyed(method, [*reversed(keys), keys[0]])
    alone = await asyncio.gather(*(trial.all_keyed(method, [key]) for key in keys))
    for key, single in zip(keys, alone, strict=True):
        same(
            method,
            key,
            single.get(key),
            together.get(key),
            f"{call_text(method, [key])}",
            call_text(method, keys),
        )
    if await trial.keyed(method, []):
        raise Failure(f"{call_text(method, [])} gave something; right is an empty mapping, without a call.")
    return f"{len(keys)} keys"


def same(method: Keyed, key: str, one: Any, other: Any, first: str, second: str) -> None:
    """Raise Failure with the first difference if two calls gave different results for a key."""
    mine, theirs = ([] if found is None else rows_of(found) for found in (one, other))
    if mine == theirs:
        return
    if [row.id for row in mine] != [row.id for row in theirs]:
        given = f"{brief([row.id for row in mine])} and {brief([row.id for row in theirs])}"
    else:
        pair = next((a, b) for a, b in zip(mine, theirs, strict=True) if a != b)
        name = next(one for one in attributes(method.record) if getattr(pair[0], one) != getattr(pair[1], one))
        given = f"{name} = {brief(getattr(pair[0], name))} and {brief(getattr(pair[1], name))} in {pair[0].id!r:.60}"
    raise Failure(f"Under {brief(key)}, {first} and {second} gave {given}; right is the same, matched by key.")


async def gaps(trial: Trial, method: Keyed) -> str:
    """Check that an unknown key is absent and does not affect the others."""
    keys = trial.sample_keys(method)
    gap = missing_key(keys[0])
    if gap in trial.keys.get(method.kind, ()):
        raise Skipped(f"the key {gap!r} that should be nobody's exists.")
    asked = [keys[0], gap, *keys[1:]]
    found = await trial.keyed(method, asked)
    if gap in found and isinstance(found[gap], ConnectorError):
        what = f"{type(found[gap]).__name__} ({found[gap].detail})"
        raise Failure(
            f"{call_text(method, asked)} gave {what} under {gap!r}, which nobody has; right is no entry for it."
        )
    only_its_own(method, asked, found)
    before = trial.found[method.name]
    for key in keys:
        same(method, key, before.get(key), found.get(key), call_text(method, keys), call_text(method, asked))
    alone = await trial.keyed(method, [gap])
    if isinstance(alone.get(gap), ConnectorError):
        raise Failure(
            f"{call_text(method, [gap])} gave {type(alone[gap]).__name__} ({alone[gap].detail}) for a key that nobody"
            " has; right is an empty mapping."
        )
    only_its_own(method, [gap], alone)
    return f"{gap!r} is nobody's"


def only_its_own(method: Keyed, asked: Sequence[str], found: Mapping[str, Any]) -> None:
    """Raise Failure with the first row that does not belong to its key."""
    for key, one in found.items():
        for row in () if isinstance(one, ConnectorError) else rows_of(one):
            own = list(method.keys_of(row))
            if key not in own:
                raise Failure(
                    f"{call_text(method, list(asked))} gave {method.record.__name__} {row.id!r:.60} under {brief(key)},"
                    f" and that row belongs to {brief(own)}; right are only rows that name the key they came under."
                )


async def ownership(trial: Trial, method: Keyed) -> str:
    """Check that every row belongs to its key, and has the same owners if it is read by id."""
    keys = trial.sample_keys(method)
    found = await trial.all_keyed(method, keys)
    only_its_own(method, keys, found)
    other = next((one for one in _by_id(trial, method)), None)
    rows = [row for one in found.values() for row in rows_of(one)][: trial.sample_size]
    if other is None or not rows:
        return ""
    again = await trial.all_keyed(other, [row.id for row in rows])
    for row in rows:
        one = again.get(row.id)
        if one is None:
            raise Failure(
                f"{call_text(other, [row.id])} found nothing, although {method.name} gave that row; right is the row."
            )
        theirs, owners = getattr(one, "owners", None), getattr(row, "owners", None)
        if theirs != owners:
            raise Failure(
                f"{call_text(other, [row.id])} says owners = {brief(theirs)}, {method.name} says {brief(owners)};"
                " right are the same owners on every way to a row."
            )
    return f"{len(rows)} rows read again by id"


def _by_id(trial: Trial, method: Keyed) -> list[Keyed]:
    return [
        one
        for one in trial.promises.methods
        if isinstance(one, Keyed)
        and method.many
        and not one.many
        and one.kind == trial.promises.kinds.get(method.record)
        and one.name not in trial.unsupported
    ]


_IDENTITY: Final = frozenset({"id", "owners"})


async def projection(trial: Trial, method: Keyed) -> str:
    """Check that `fields` changes neither the rows nor the values of the selected attributes."""
    keys = trial.sample_keys(method)[:2]
    whole = await trial.all_keyed(method, keys)
    names = [one for one in attributes(method.record) if one not in _IDENTITY]
    chosen = [frozenset({name}) for name in names] if not method.many else [frozenset(names[::2])]
    chosen += [frozenset(names[1::2]), frozenset()]
    parts = await asyncio.gather(*(trial.all_keyed(method, keys, fields=fields) for fields in chosen))
    for fields, narrow in zip(chosen, parts, strict=True):
        asked = call_text(method, keys, None, fields)
        for key in keys:
            mine, theirs = (rows_of(one[key]) if key in one else [] for one in (whole, narrow))
            if [row.id for row in mine] != [row.id for row in theirs]:
                raise Failure(
                    f"{asked} gave {brief([row.id for row in theirs])} under {brief(key)}, without fields"
                    f" {brief([row.id for row in mine])}; right are the same rows in the same order."
                )
            for row, other in zip(mine, theirs, strict=True):
                for name in [*fields, *(_IDENTITY & set(attributes(method.record)))]:
                    if getattr(row, name) != getattr(other, name):
                        raise Failure(
                            f"{asked} gave {row.id!r:.60} with {name} = {brief(getattr(other, name))}, without fields"
                            f" {brief(getattr(row, name))}; right is the same value."
                        )
    return f"{len(chosen)} selections"


async def order(trial: Trial, method: Keyed) -> str:
    """Check that each key's rows are in the order that the port promises."""
    keys = trial.sample_keys(method)
    found = trial.found[method.name]
    longest = 0
    for key in keys:
        rows = rows_of(found[key])
        longest = max(longest, len(rows))
        if wrong := first_out_of_order(rows, method.order):
            raise Failure(f"{call_text(method, [key])}: {wrong}.")
    if longest < 2:
        raise Skipped(f"no {method.kind} is known that has two rows: name one with --key {method.kind}=...")
    return f"up to {longest} rows"


async def paging(trial: Trial, method: Keyed) -> str:
    """Check that windows add up to the complete list with the true total, and are empty past its end."""
    keys = trial.sample_keys(method)
    found = trial.found[method.name]
    key = max(keys, key=lambda one: len(rows_of(found[one])))
    whole = [row.id for row in rows_of(found[key])]
    size = max(1, min(10, (len(whole) + 2) // 3))
    starts = list(range(0, min(len(whole), 4 * size), size))
    windows = [*(Window(start, size) for start in starts), Window(len(whole) + 3, 2), Window(max(0, len(whole) - 1), 5)]
    for window in windows:
        what = call_text(method, [key], window)
        one = (await trial.all_keyed(method, [key], window=window)).get(key, Rows.of(()))
        ids = [row.id for row in rows_in_window(one, window)]
        right = whole[window.offset : window.offset + window.limit]
        if ids != right:
            raise Failure(f"{what} gave {brief(ids)}; right is that slice of the whole, {brief(right)}.")
        if ids and not one.complete and one.offset != window.offset:
            raise Failure(f"{what} says offset={one.offset}; right is the window's.")
        if ids and one.total not in (None, len(whole)):
            raise Failure(f"{what} says total={one.total}; right is {len(whole)}, or None where it is not known.")
    return f"{len(whole)} rows in windows of {size}"


async def conditions(trial: Trial, method: Keyed) -> str:
    """Check that conditions give exactly those rows of the complete list that meet them."""
    keys = trial.sample_keys(method)
    found = trial.found[method.name]
    for label, (ask, fits) in (method.conditions or {}).items():
        narrow = await trial.all_keyed(method, keys, ask=ask, also=f" with {label}")
        for key in keys:
            ids = [row.id for row in rows_of(narrow[key])] if key in narrow else []
            right = [row.id for row in rows_of(found[key]) if fits(row)]
            if ids != right:
                raise Failure(
                    f"{call_text(method, [key])} with {label} gave {brief(ids)}; right is {brief(right)}, from the"
                    " whole."
                )
    return ", ".join(method.conditions or {})


async def cost(trial: Trial, method: Keyed) -> str:
    """Count the requests for one key and for many. One request per key must be declared in `one_by_one`.

    Attributes named in `one_by_one` are not requested.
    """
    keys = trial.sample_keys(method)
    dear = {name for name in attributes(method.record) if f"{method.record.__name__}.{name}" in trial.one_by_one}
    fields = frozenset(attributes(method.record)) - dear if dear else None
    one = await trial.attempt(lambda: method.ask(trial.driver, keys[:1], None, fields))
    many = await trial.attempt(lambda: method.ask(trial.driver, keys, None, fields))
    for outcome in (one, many):
        if outcome.error is not None:
            raise Failure(f"{call_text(method, keys)} failed: {outcome.error}.")
    counted = f"{one.calls}/{many.calls}"
    declared = trial.one_by_one.get(method.name)
    more = len(keys) - 1
    # A request for several keys is another page of the same list.
    single = [call for call in many.requests if len(set(keys).intersection(call.keys)) < 2]
    if len(keys) >= 3 and many.calls - one.calls >= more and len(single) >= more and not declared:
        raise Failure(
            f"{call_text(method, keys)} took {many.calls} requests, one key {one.calls}; right is one for the batch,"
            " not"
            f" n+1, or a reason in the driver's `one_by_one` why not: under {method.name!r}, or under"
            f" '{method.record.__name__}.attribute' where only one attribute needs a request for each record.",
            counted,
        )
    if len(keys) < 3:
        raise Skipped(f"n+1 shows from three keys on, {len(keys)} are known: name more with --key.", counted)
    return counted
