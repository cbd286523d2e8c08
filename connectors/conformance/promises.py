"""What a port's methods promise, as the checks see them: what they are asked with, what they give, and in which order.

Three shapes: `Keyed` (keys in, a mapping out), `Listed` (one window of everything) and `Searched` (what a text names).
Each domain says its own in `connectors/<domain>/promises.py`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.records import Fields, Window

if TYPE_CHECKING:
    from connectors.conformance.trial import Trial

AskKeys = Callable[[Any, Sequence[str], Window | None, Fields | None], Awaitable[Any]]
AskWindow = Callable[[Any, Window, Fields | None], Awaitable[Any]]
AskText = Callable[[Any, str, Window, Fields | None], Awaitable[Any]]
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keys of one `kind` in, a mapping out: of records, or of `Rows` where `many`.

    `keys_of` names the keys under which a row belongs. `order` is an attribute, with "-" for the greatest first.
    `conditions` are narrower questions: how they are asked, and which rows they must give. A `partial` method may
    refuse (NotSupported) this kind of key and be supported for another.
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
    """One window of everything there is. `conditions` give a narrower question for a row of the list."""

    name: str
    record: type[Any]
    ask: AskWindow
    order: str
    also: Mapping[str, tuple[AskWindow, str]] | None = None
    conditions: Callable[[Any], Mapping[str, tuple[AskWindow, Test]]] | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a text names. `texts_of` are texts that name a row, `matches` says whether a text does.

    `any_case`: a name is found in any case (a serial number is found as it is).
    """

    name: str
    record: type[Any]
    ask: AskText
    texts_of: Callable[[Any], Iterable[str | None]]
    matches: Callable[[str, Any], bool]
    windowed: bool = True
    any_case: bool = True


Method = Keyed | Listed | Searched


def by_id(name: str, kind: str, record: type[Any]) -> Keyed:
    """A method that gives records by their own ids."""
    return Keyed(name, kind, record, lambda driver, keys, _, fields: getattr(driver, name)(keys, fields), own_id)


def under(
    name: str, kind: str, record: type[Any], attribute: str, order: str, *, windowed: bool = False, **more: Any
) -> Keyed:
    """A method that gives rows under keys of a `kind`, which stand in the rows' `attribute`; `more` are conditions."""

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
    """The key of a row that is found by its id."""
    return (row.id,)


def in_name(text: str, row: Any) -> bool:
    """Whether the row's name contains the text, in any case."""
    return text.casefold() in (row.name or "").casefold()


@dataclass(frozen=True, slots=True)
class Promises:
    """What the drivers of one port are checked for.

    `methods` come in an order in which the first ones give keys to the later ones. `kinds` says which kind of key a
    record's id is; `references` which kind stands in an attribute whose name does not say it (`site_id` is a site's).
    `declared` checks what else a driver says of itself, and raises `Failure`. `writes` are the methods that write, or
    find what was written, by name: a driver may declare them, too.
    """

    methods: tuple[Method, ...]
    kinds: Mapping[type[Any], str]
    references: Mapping[str, str] = field(default_factory=dict)
    has_documents: bool = False
    declared: "Callable[[Trial], None] | None" = None
    writes: tuple[str, ...] = ()

    def kind_in(self, attribute: str) -> str | None:
        """The kind of key that stands in a record's attribute; None where it holds no key."""
        named = self.references.get(attribute)
        if named is not None or attribute == "id":
            return named
        kind, _, suffix = attribute.rpartition("_")
        return kind if kind and suffix in ("id", "ids") else None
