"""Finds sample keys in the system: from its lists, and from the records that these keys lead to."""

from collections.abc import Mapping
from typing import Any, Final

from connectors.conformance.promises import Keyed, Listed, Searched
from connectors.conformance.trial import Trial
from connectors.errors import ConnectorError, NotSupported
from connectors.records import Rows, Window, attributes

_ROUNDS: Final = 3
"""Rounds of following keys: a customer leads to its bills, a bill to its payments."""


async def collect_samples(trial: Trial) -> None:
    """Fill in the trial's `keys`, `samples` and `found`. Failures are left for the check named `answers`."""
    for kind, keys in trial.given.items():
        trial.keys[kind] = list(dict.fromkeys(keys))
    for method in trial.promises.methods:
        if isinstance(method, Listed) and not trial.is_unsupported(method):
            await _from_list(trial, method)
    asked: dict[str, set[str]] = {}
    for _ in range(_ROUNDS):
        for method in trial.promises.methods:
            if isinstance(method, Keyed) and not trial.is_unsupported(method):
                seen = asked.setdefault(method.name, set())
                keys = [key for key in trial.keys.get(method.kind, ()) if key not in seen]
                keys = keys[: max(0, 4 * trial.sample_size - len(seen))]
                if keys and len(trial.found.get(method.name, {})) < trial.sample_size:
                    seen.update(keys)
                    await _from_keys(trial, method, keys)
    _prefer(trial)


async def _from_list(trial: Trial, method: Listed) -> None:
    outcome = await trial.attempt(lambda: method.ask(trial.driver, Window(0, 2 * trial.sample_size), None))
    if isinstance(outcome.value, Rows):
        for row in list(outcome.value.items)[: 4 * trial.sample_size]:
            _take(trial, row)


async def _from_keys(trial: Trial, method: Keyed, keys: list[str]) -> None:
    outcome = await trial.attempt(lambda: method.ask(trial.driver, keys, None, None))
    if method.partial and isinstance(outcome.error, NotSupported):
        trial.refused[method.name] = outcome.error.detail
        return
    if not isinstance(outcome.value, Mapping):
        # The call failed: the checks will repeat it with these keys and report it.
        trial.found[method.name] = {**trial.found.get(method.name, {}), **dict.fromkeys(keys)}
        return
    found = {
        key: one for key, one in outcome.value.items() if key in keys and not (isinstance(one, Rows) and not one.items)
    }
    trial.found[method.name] = {**trial.found.get(method.name, {}), **found}
    for one in found.values():
        if isinstance(one, ConnectorError):
            continue
        for row in list(one.items)[: trial.sample_size] if isinstance(one, Rows) else [one]:
            _take(trial, row)


def _take(trial: Trial, row: Any) -> None:
    kind = trial.promises.kinds.get(type(row))
    if kind is not None:
        _add(trial, kind, row.id)
        trial.samples.setdefault(type(row), {}).setdefault(row.id, row)
    for attribute in (*attributes(type(row)), "customer_ids"):
        kind = trial.promises.kind_in(attribute)
        if kind is None or (attribute == "party_id" and getattr(row, "party_kind", None) == "Organization"):
            continue  # An organization has no given or family name.
        value = getattr(row, attribute, None)
        for key in value if isinstance(value, tuple) else (value,):
            _add(trial, kind, key)


def _add(trial: Trial, kind: str, key: Any) -> None:
    known = trial.keys.setdefault(kind, [])
    if isinstance(key, str) and key and key not in known and kind not in trial.given:
        known.append(key)


def _prefer(trial: Trial) -> None:
    """Put keys first with which most methods find something, so that the same few samples serve all checks."""
    for kind, keys in trial.keys.items():
        methods = [one for one in trial.promises.methods if isinstance(one, Keyed) and one.kind == kind]
        trial.keys[kind] = sorted(keys, key=lambda key: -sum(key in trial.found.get(one.name, ()) for one in methods))


def searchable(method: Searched, row: Any) -> list[str]:
    """Texts that a search must find the row by."""
    return [text for text in method.texts_of(row) if text and text.strip()]
