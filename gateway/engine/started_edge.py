"""One edge that has been started for all objects of a block: their keys, what is loading, and what was found."""

import asyncio
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.engine.built import BuiltBlock
from gateway.engine.declared import Loader
from gateway.engine.kept_errors import kept
from gateway.engine.plan import EdgeField
from gateway.engine.turns import Work

_KEYS_AT_ONCE: Final = 500
"""Keys that are loaded, or whose results are looked at, between two interruptions."""

_STEPS_AT_ONCE: Final = 8
"""Steps between two interruptions: one may sort a long list."""


class StartedEdge(msgspec.Struct, eq=False):
    """A started edge for all objects of a block; `places` are the dictionaries that get the values."""

    edge_field: EdgeField
    above: BuiltBlock
    places: Sequence[dict[str, Any]]
    values: list[Any]
    subjects: Sequence[Any]
    step: Callable[[Any], Any] | None = None
    loading: "dict[Any, asyncio.Future[Any]]" = msgspec.field(default_factory=dict)
    waiting: list[tuple[int, Any]] = msgspec.field(default_factory=list)
    """Numbers of values with their keys; with `per_key`, with the futures of their entries."""
    same_loads: list[tuple[EdgeField, Callable[[Any], Any] | None, Sequence[dict[str, Any]]]] = msgspec.field(
        default_factory=list
    )
    """Other edges of the same objects that are leaves of the same records."""

    def is_of(self, subjects: Sequence[Any]) -> bool:
        """Whether these are the identical objects: equal ones may have different keys."""
        return len(subjects) == len(self.subjects) and all(map(operator.is_, subjects, self.subjects))

    def load(self, loader: Loader, key_of: Callable[[Any], Any], most_errors: int) -> Work[None]:
        """Load each key once. What goes wrong with an object's key is its value.

        More than `most_errors` that are told are the same one.
        """
        load, loading, waiting = loader.load, self.loading, self.waiting
        many, per_key = self.edge_field.edge.many, self.edge_field.edge.per_key
        subjects = self.subjects
        for first in range(0, len(subjects), _KEYS_AT_ONCE):
            if first:
                yield
            for number, subject in enumerate(subjects[first : first + _KEYS_AT_ONCE], first):
                try:
                    key = key_of(subject)
                    if key is None:
                        continue
                    if not many:
                        if key not in loading:
                            loading[key] = load(key)
                    elif per_key:
                        key = yield from _loading_all(load, loading, key, most_errors)
                    else:
                        key = list(_keys(key))  # iterated twice
                        for position, one in enumerate(key, 1):
                            if one not in loading:
                                loading[one] = load(one)
                            if not position % _KEYS_AT_ONCE:
                                yield
                    waiting.append((number, key))
                except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this object's error
                    self.values[number] = kept(error)

    def results(self) -> Work[dict[Any, Any]]:
        """What was loaded, or its exception, by key; all loads are done."""
        if len(self.loading) <= _KEYS_AT_ONCE:
            return {key: one.exception() or one.result() for key, one in self.loading.items()}
        found = {}
        for position, (key, one) in enumerate(self.loading.items(), 1):
            found[key] = one.exception() or one.result()
            if not position % _KEYS_AT_ONCE:
                yield
        return found

    def gaps(self, results: Mapping[Any, Any]) -> list[tuple[int, str, int]]:
        """Numbers of the values that lack rows, of which system, and how many: by `unread` of what was loaded."""
        edge = self.edge_field.edge
        if edge.per_key:
            return []
        found: list[tuple[int, str, int]] = []
        for number, key in self.waiting:
            loaded = [results[one] for one in (dict.fromkeys(key) if edge.many else [key])]
            if rows := sum(getattr(one, "unread", 0) for one in loaded):
                others = [system for one in loaded if (system := getattr(one, "unread_of", ""))]
                found.append((number, others[0] if others else edge.system or "", rows))
        return found

    def stale(self, results: Mapping[Any, Any], is_stale: Callable[[Any], bool]) -> list[int]:
        """Numbers of the values that are older than they should be."""
        edge = self.edge_field.edge
        if edge.per_key:
            return [
                number
                for number, entries in self.waiting
                if any(is_stale(_entry(one, None)) for one in entries if not isinstance(one, Exception))
            ]
        return [
            number
            for number, key in self.waiting
            if any(is_stale(results[one]) for one in (dict.fromkeys(key) if edge.many else [key]))
        ]

    def found(self, results: Mapping[Any, Any], step: Callable[[Any], Any] | None, absent: object) -> Work[list[Any]]:
        """The value for each object, before its selection is completed. `absent` stands for nothing found."""
        values, edge = self.values.copy(), self.edge_field.edge
        if edge.per_key:
            for number, entries in self.waiting:
                found = values[number] = []
                for start in range(0, len(entries), _KEYS_AT_ONCE):
                    found += [_entry(one, absent) for one in entries[start : start + _KEYS_AT_ONCE]]
                    yield
            return values
        many, at_once = edge.many, _KEYS_AT_ONCE if step is None else _STEPS_AT_ONCE
        if step is not None and not many and len(self.loading) < len(self.waiting):
            step = _once_for_each(step)
        for first in range(0, len(self.waiting), at_once):
            if first:
                yield
            for number, key in self.waiting[first : first + at_once]:
                one = _gathered([results[each] for each in key]) if many else results[key]
                if isinstance(one, Exception):
                    values[number] = one
                elif one is not absent:
                    if step is None:
                        values[number] = one
                        continue
                    try:
                        values[number] = step(one)
                    except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
                        values[number] = kept(error)
        return values


def _once_for_each(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The step, which is run once for records that are the same: it may filter and sort a long list.

    An iterator, which can be read once, is made for each.
    """
    made: dict[int, tuple[Any, Any]] = {}

    def once(found: Any) -> Any:
        known = made.get(id(found))
        if known is not None:
            return known[0]
        value = step(found)
        if not isinstance(value, Iterator):
            made[id(found)] = value, found  # kept with the value, as its id is the key
        return value

    return once


def _keys(several: Any) -> Iterable[Any]:
    """The keys of an object. Raises TypeError if they are not iterable."""
    if not isinstance(several, (list, tuple, Iterable)):  # the usual ones first: they need no look at their methods
        raise TypeError(f"These should be several keys, and are: {several!r}.")
    return several


def _loading_all(
    load: "Callable[[Any], asyncio.Future[Any]]", loading: "dict[Any, asyncio.Future[Any]]", keys: Any, most_errors: int
) -> "Work[list[asyncio.Future[Any] | Exception]]":
    """The future of each key, shared by equal keys; the exception of one that cannot be loaded."""
    entries: list[asyncio.Future[Any] | Exception] = []
    failed: list[Exception] = []
    for position, key in enumerate(_keys(keys), 1):
        try:
            if key not in loading:
                loading[key] = load(key)
            entries.append(loading[key])
        except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this entry's error
            if len(failed) < most_errors:
                failed.append(kept(error))
            entries.append(failed[-1])
        if not position % _KEYS_AT_ONCE:
            yield
    return entries


def _entry(loaded: "asyncio.Future[Any] | Exception", absent: object) -> Any:
    """The value of one of several keys, or its exception."""
    found = loaded if isinstance(loaded, Exception) else loaded.exception() or loaded.result()
    return None if found is absent else found


def _gathered(found: Sequence[Any]) -> Any:
    """The found values without gaps; the exception of one that failed."""
    for one in found:
        if isinstance(one, Exception):
            return one
    return [one for one in found if one is not None]
