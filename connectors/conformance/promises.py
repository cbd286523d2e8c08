"""Descriptions of a port's methods for the checks: their parameters, their results and the order of these.

A method is `Keyed` (takes keys, returns a mapping), `Listed` (returns one window of a list) or `Searched` (finds
records by a text). Each domain's are in `connectors/<domain>/promises.py`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.reading.texts import contains
from connectors.records import Fields, Window

if TYPE_CHECKING:
    from connectors.conformance.trial import Trial
    from connectors.conformance.writing import Writing

AskKeys = Callable[[Any, Sequence[str], Window | None, Fields | None], Awaitable[Any]]
AskWindow = Callable[[Any, Window, Fields | None], Awaitable[Any]]
AskText = Callable[[Any, str, Window, Fields | None], Awaitable[Any]]
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A method that takes keys of one `kind` and returns a mapping to records, or to `Rows` if `many`.

    `keys_of` returns the keys to which a row belongs. `order` is an attribute; "-" means descending. `conditions` map a
    label to a call with further arguments and a test for its rows. A `partial` method may raise NotSupported for this
    kind of key and support another.
    """

    name: str
    kind: str
    record: type[Any]
    ask: AskKeys
    keys_of: Callable[[Any], Iterable[str]]
    many: bool = False
    windowed: bool = False
    projected: bool = True
    order: str = ""
    conditions: Mapping[str, tuple[AskKeys, Test]] | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A method that returns one window of a list. `also` are further orders, by label.

    `conditions` make, from a row of the list, calls with further arguments and tests for their rows, by label.
    """

    name: str
    record: type[Any]
    ask: AskWindow
    order: str
    also: Mapping[str, tuple[AskWindow, str]] | None = None
    conditions: Callable[[Any], Mapping[str, tuple[AskWindow, Test]]] | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """A method that finds records by a text. `texts_of` returns texts that must find a row.

    `matches` tests whether a row may be found by a text. `any_case`: names are found in any letter case.
    """

    name: str
    record: type[Any]
    ask: AskText
    texts_of: Callable[[Any], Iterable[str | None]]
    matches: Callable[[str, Any], bool]
    windowed: bool = True
    any_case: bool = True


Method = Keyed | Listed | Searched


def by_own_id(name: str, kind: str, record: type[Any]) -> Keyed:
    """A method that returns records by their own ids."""
    return Keyed(name, kind, record, lambda driver, keys, _, fields: getattr(driver, name)(keys, fields), own_id)


def by_parent_key(
    name: str, kind: str, record: type[Any], attribute: str, order: str, *, windowed: bool = False, **more: Any
) -> Keyed:
    """A method that returns rows by keys of a `kind`, which are in the rows' `attribute`; `more` are its conditions."""

    def asking(**more: Any) -> AskKeys:
        def ask(driver: Any, keys: Sequence[str], window: Window | None, fields: Fields | None) -> Awaitable[Any]:
            call = getattr(driver, name)
            given: Awaitable[Any] = call(keys, window, fields, **more) if windowed else call(keys, fields, **more)
            return given

        return ask

    def keys_of(row: Any) -> Iterable[str]:
        value = getattr(row, attribute)
        return value if isinstance(value, tuple) else () if value is None else (value,)

    conditions: dict[str, tuple[AskKeys, Test]] | None = None
    if "is_open" in more:
        conditions = {
            "is_open=True": (asking(is_open=True), lambda row: bool(row.is_open)),
            "is_open=False": (asking(is_open=False), lambda row: not row.is_open),
        }
    return Keyed(
        name, kind, record, asking(**more), keys_of, True, windowed=windowed, order=order, conditions=conditions
    )


def own_id(row: Any) -> Iterable[str]:
    """The row's id, as its only key."""
    return (row.id,)


def in_name(text: str, row: Any) -> bool:
    """Whether the row's name contains the text, in any letter case and form of Unicode."""
    return contains(row.name, text)


@dataclass(frozen=True, slots=True)
class Promises:
    """The promises of one port.

    Earlier `methods` give sample keys for later ones. `kinds` map record classes to the kind of key that their ids are;
    `references` map attributes to kinds of keys if their names do not tell it (as `site_id` does). `declared` checks
    further declarations of a driver and raises `Failure`.

    `writes` name the methods that write, or look for a write: a driver may declare them unsupported. `writings` are
    those that write, for the checks that do (`connectors.conformance.writes`); `write_kinds` are kinds of keys that
    only these need, and that must be given.
    """

    methods: tuple[Method, ...]
    kinds: Mapping[type[Any], str]
    references: Mapping[str, str] = field(default_factory=dict)
    has_documents: bool = False
    declared: "Callable[[Trial], None] | None" = None
    writes: tuple[str, ...] = ()
    writings: "Callable[[Trial], Sequence[Writing]] | None" = None
    write_kinds: tuple[str, ...] = ()

    def kind_in(self, attribute: str) -> str | None:
        """The kind of key that a record's attribute holds; None if it holds no key."""
        named = self.references.get(attribute)
        if named is not None or attribute == "id":
            return named
        kind, _, suffix = attribute.rpartition("_")
        return kind if kind and suffix in ("id", "ids") else None
