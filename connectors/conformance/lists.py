"""Checks of methods without keys: lists and searches."""

import asyncio
from typing import Any, Final

from connectors.conformance.odd import odd_keys
from connectors.conformance.order import first_out_of_order
from connectors.conformance.promises import Listed, Searched
from connectors.conformance.samples import searchable
from connectors.conformance.trial import Failure, Skipped, Trial, brief, rows_in_window
from connectors.conformance.types import wrong_attribute
from connectors.errors import Rejected, TooMuch
from connectors.records import Rows, Window, attributes

_SMALL: Final = 200
"""Lists up to this length are read completely."""

_ALL: Final = Window(0, 1000)


def _whole_number(method: Listed | Searched, rows: Rows[Any], window: Window) -> None:
    if rows.total is not None and rows.total < rows.offset + len(rows.items) and rows.items:
        raise Failure(
            f"{method.name}({brief(window)}) says total={rows.total} and gave more; right is an honest total."
        )
    if not rows.complete and len(rows.items) > window.limit:
        raise Failure(
            f"{method.name}({brief(window)}) gave {len(rows.items)} rows; right are at most {window.limit}, or the"
            " complete list, marked complete."
        )


def _typed(method: Listed | Searched, rows: Rows[Any]) -> None:
    for row in rows.items:
        if wrong := wrong_attribute(row):
            raise Failure(f"{method.record.__name__} {row.id!r:.60} of {method.name}: {wrong}.")


async def list_answers(trial: Trial, method: Listed) -> str:
    """Check that the list has records of the port's types."""
    window = Window(0, 2 * trial.sample_size)
    rows = await trial.rows(method, window)
    _whole_number(method, rows, window)
    _typed(method, rows)
    return f"{len(rows.items)} rows, total {rows.total}"


async def list_order(trial: Trial, method: Listed) -> str:
    """Check that the list is in the order that the port promises."""
    window = Window(0, 4 * trial.sample_size)
    orders = {"": (method.ask, method.order), **{f", {key}": call for key, call in (method.also or {}).items()}}
    longest = 0
    for also, (ask, order) in orders.items():
        rows = rows_in_window(await trial.rows(method, window, ask=ask, also=also), window)
        longest = max(longest, len(rows))
        if wrong := first_out_of_order(rows, order):
            raise Failure(f"{method.name}({brief(window)}{also}): {wrong}.")
    if longest < 2:
        raise Skipped(f"{method.name} has {longest} rows, too few for an order.")
    return f"{longest} rows"


async def list_paging(trial: Trial, method: Listed) -> str:
    """Check that windows join without gaps or repeated rows, have one total, and are empty past the end."""
    step = max(1, trial.sample_size - 2)
    whole_window = Window(0, 3 * step)
    calls = {"": method.ask, **{f", {key}": call[0] for key, call in (method.also or {}).items()}}
    for also, ask in calls.items():
        first = await trial.rows(method, whole_window, ask=ask, also=also)
        whole, total = [row.id for row in rows_in_window(first, whole_window)], first.total
        if len(set(whole)) < len(whole):
            raise Failure(f"{method.name}({brief(whole_window)}{also}) gave a row twice: {brief(whole)}.")
        windows = [Window(start, step) for start in range(0, len(whole), step)]
        if total is not None:
            windows += [Window(total + 3, 2), Window(max(0, total - 2), 5)]
        for window in windows:
            rows = await trial.rows(method, window, ask=ask, also=also)
            ids = [row.id for row in rows_in_window(rows, window)]
            what = f"{method.name}({brief(window)}{also})"
            if window.offset < len(whole) and ids[: len(whole) - window.offset] != whole[window.offset :][:step]:
                raise Failure(
                    f"{what} gave {brief(ids)}; right is {brief(whole[window.offset :][:step])}, as in one go."
                )
            if total is not None and len(ids) != max(0, min(window.limit, total - window.offset)):
                raise Failure(f"{what} gave {len(ids)} rows of total={total}; right is what the window cuts out.")
            if ids and rows.total != total:
                raise Failure(f"{what} says total={rows.total}, another window {total}; right is one total.")
    if not whole:
        raise Skipped(f"{method.name} is empty: there is nothing to page through.")
    return f"{len(whole)} rows in windows of {step}"


async def list_conditions(trial: Trial, method: Listed) -> str:
    """Check that conditions give exactly those rows of the complete list that meet them."""
    first = await trial.rows(method, Window(0, 2 * trial.sample_size))
    if not first.items:
        raise Skipped(f"{method.name} is empty.")
    whole: list[Any] | None = None
    if first.total is not None and first.total <= _SMALL:
        whole = rows_in_window(await trial.rows(method, _ALL), _ALL)
    narrower = method.conditions(first.items[0]) if method.conditions else {}
    for label, (ask, fits) in narrower.items():
        rows = rows_in_window(await trial.rows(method, _ALL, ask=ask, also=f", {label}"), _ALL)
        if stray := [row.id for row in rows if not fits(row)]:
            raise Failure(f"{method.name} with {label} gave {brief(stray)} besides; right are only rows that fit.")
        if whole is not None and [row.id for row in rows] != [row.id for row in whole if fits(row)]:
            right = [row.id for row in whole if fits(row)]
            raise Failure(
                f"{method.name} with {label} gave {brief([row.id for row in rows])}; right is {brief(right)}."
            )
    return ", ".join(narrower)


async def list_projection(trial: Trial, method: Listed) -> str:
    """Check that `fields` changes neither the rows nor the values of the selected attributes."""
    window = Window(0, trial.sample_size)
    whole = rows_in_window(await trial.rows(method, window), window)
    names = [one for one in attributes(method.record) if one not in ("id", "owners")]
    for fields in (frozenset(names[::2]), frozenset(names[1::2]), frozenset[str]()):
        narrow = rows_in_window(await trial.rows(method, window, fields=fields), window)
        _compare(method, whole, narrow, fields)
    return ""


def _compare(method: Listed | Searched, whole: list[Any], narrow: list[Any], fields: frozenset[str]) -> None:
    if [row.id for row in whole] != [row.id for row in narrow]:
        raise Failure(
            f"{method.name} with {brief(fields)} gave {brief([row.id for row in narrow])}, without"
            f" {brief([row.id for row in whole])}; right are the same rows."
        )
    for one, other in zip(whole, narrow, strict=True):
        for name in fields:
            if getattr(one, name) != getattr(other, name):
                raise Failure(
                    f"{method.name} with {brief(fields)} gave {one.id!r:.60} with {name} ="
                    f" {brief(getattr(other, name))}, without {brief(getattr(one, name))}; right is the same value."
                )


async def search_answers(trial: Trial, method: Searched) -> str:
    """Check that a row's texts find it (in any letter case if the port promises so), and no rows that do not match."""
    looked = 0
    for row in trial.sample_rows(method)[:3]:
        for text in searchable(method, row):
            for spelled in {text, text.swapcase()} if method.any_case and text == row.name else {text}:
                found = await trial.rows(method, _ALL, spelled)
                looked += 1
                _whole_number(method, found, _ALL)
                _typed(method, found)
                if row.id not in {one.id for one in found.items}:
                    raise Failure(
                        f"{method.name}({brief(spelled)}) gave {brief([one.id for one in found.items])}; right would be"
                        f" {row.id!r:.60} among them, of which that is the text."
                    )
                _only_matches(method, spelled, found)
    if not looked:
        raise Skipped(f"none of the known {method.record.__name__}s has a text that {method.name} looks for.")
    return f"{looked} texts"


def _only_matches(method: Searched, text: str, found: Rows[Any]) -> None:
    for one in found.items:
        if not method.matches(text, one):
            raise Failure(
                f"{method.name}({brief(text)}) gave {one.id!r:.60} ({brief(list(method.texts_of(one)))}), which the"
                " text does not name; right are only rows that it names."
            )


async def search_paging(trial: Trial, method: Searched) -> str:
    """Check that windows of a search join to the complete result, with one total."""
    row = trial.sample_rows(method)[0]
    texts = searchable(method, row)
    if not texts:
        raise Skipped(f"no known {method.record.__name__} has a text to search for.")
    text = texts[0][:2] if texts[0][:2].strip() else texts[0]
    whole = [one.id for one in rows_in_window(await trial.rows(method, _ALL, text), _ALL)]
    step = max(1, min(5, len(whole) // 2))
    for window in (Window(0, step), Window(step, step), Window(len(whole) + 3, 2)):
        rows = await trial.rows(method, window, text)
        ids, right = [one.id for one in rows_in_window(rows, window)], whole[window.offset :][: window.limit]
        if ids != right and len(whole) < _ALL.limit:
            raise Failure(f"{method.name}({brief(text)}, {brief(window)}) gave {brief(ids)}; right is {brief(right)}.")
        if ids and rows.total not in (None, len(whole)) and len(whole) < _ALL.limit:
            raise Failure(
                f"{method.name}({brief(text)}, {brief(window)}) says total={rows.total}; right is {len(whole)}, or"
                " None."
            )
    return f"{len(whole)} hits for {text!r}"


async def search_odd(trial: Trial, method: Searched) -> str:
    """Check that quotes, wildcards and the like find only rows that contain them."""
    rows = trial.sample_rows(method)
    texts = [text for row in rows for text in searchable(method, row)]
    strange = [one for one in odd_keys(texts[0] if texts else "x") if one.strip()]
    outcomes = await asyncio.gather(*(trial.attempt(_asking(trial, method, text)) for text in strange))
    for text, outcome in zip(strange, outcomes, strict=True):
        error = outcome.error
        if error is not None:
            if not isinstance(error, Rejected | TooMuch):
                raise Failure(
                    f"{method.name}({brief(text)}) raised {type(error).__name__} ({str(error)[:150]}); right is no row,"
                    " or Rejected where the product cannot be asked so."
                )
            continue
        for one in outcome.value.items:
            if not _plausible(method, text, one):
                raise Failure(
                    f"{method.name}({brief(text)}) gave {one.id!r:.60} ({brief(list(method.texts_of(one)))}), which the"
                    " text does not name; right is no such row."
                )
    return f"{len(strange)} odd texts"


def _asking(trial: Trial, method: Searched, text: str) -> Any:
    return lambda: method.ask(trial.driver, text, Window(0, 5), None)


def _plausible(method: Searched, text: str, row: Any) -> bool:
    """Whether the row may match the trimmed text. A record has only the first of a customer's contacts."""
    if method.name == "customers_reached_by":
        return text.strip() in {one for one in method.texts_of(row) if one}
    return method.matches(text.strip(), row)
