"""Parses TMF630 query strings: attribute filters in all spellings, fields, sorting and paging."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote_plus

from sandbox.data.shapes import Row

OPERATORS: Final = ("eq", "gt", "gte", "lt", "lte", "regex")
_SYMBOLS: Final = {"==": "eq", "=~": "regex", ">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_NOT_TMF: Final = frozenset(
    [
        "ne",
        "neq",
        "not",
        "in",
        "nin",
        "contains",
        "like",
        "ilike",
        "startswith",
        "endswith",
        "isnull",
        "exists",
        "between",
    ]
)
_PATH: Final = re.compile(r"@?[A-Za-z_][\w]*(?:\.@?[A-Za-z_][\w]*)*\Z")
_DECODED: Final = re.compile(r"([^=<>~!]+)(>=|<=|==|=~|>|<)(.*)\Z", re.DOTALL)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?\Z")


class BadQuery(ValueError):
    """The query string is invalid; the message names the part and what would be right."""


def _date(text: str) -> datetime | None:
    if not _DATE.match(text):
        return None
    try:  # an unencoded plus sign before the zone arrives as a blank
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)\Z", r"+\1", text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _text(value: Any) -> str:
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def _compare(value: Any, wanted: str) -> int | None:
    """Return the sign of value - wanted as numbers, instants or text; None if they cannot be compared."""
    left: Any
    right: Any
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        left, right = Decimal(value), _number(wanted)
    elif isinstance(value, str) and (moment := _date(value)):
        left, right = moment, _date(wanted)
    else:
        left, right = _text(value), wanted
    return None if right is None else (left > right) - (left < right)


def any_value(node: Any, path: Sequence[str], test: Callable[[Any], bool]) -> bool:
    """Return whether `test` holds for a value at the end of `path`, going through every entry of every array."""
    for index, key in enumerate(path):
        if isinstance(node, list):
            return any(any_value(item, path[index:], test) for item in node)
        if not isinstance(node, dict):
            return False
        node = node.get(key)
        if node is None:
            return False
    return any(map(test, node)) if isinstance(node, list) else test(node)


@dataclass(frozen=True)
class Condition:
    """One comparison: `path` `operator` any of `values`.

    `numbers_only` are those of the values that look like numbers, where the installation compares them as such.
    """

    path: str
    operator: str
    values: tuple[str, ...]
    numbers_only: frozenset[str] = frozenset()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The path, split at its dots."""
        return tuple(self.path.split("."))

    @cached_property
    def test(self) -> Callable[[Any], bool]:
        """The predicate on one value."""
        if self.operator == "eq":
            texts = frozenset(self.values) - self.numbers_only
            numbers = frozenset(n for n in map(_number, self.values) if n is not None)

            def equal(value: Any) -> bool:
                if isinstance(value, str):
                    return value in texts
                if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                    return value in numbers
                return _text(value) in texts

            return equal
        if self.operator == "regex":
            patterns = [re.compile(value) for value in self.values]
            return lambda value: any(pattern.search(_text(value)) for pattern in patterns)
        signs = {"gt": (1,), "gte": (0, 1), "lt": (-1,), "lte": (-1, 0)}[self.operator]
        return lambda value: any(_compare(value, wanted) in signs for wanted in self.values)

    def holds(self, row: Row) -> bool:
        """Return whether a value of the row meets the condition."""
        return any_value(row, self.keys, self.test)


@dataclass(frozen=True)
class Query:
    """A parsed query string. `groups` are ANDed; inside one group any condition is enough."""

    groups: tuple[tuple[Condition, ...], ...] = ()
    fields: tuple[str, ...] | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    """(path, descending) in order of weight."""
    offset: int = 0
    limit: int | None = None
    others: tuple[str, ...] = field(default=())
    """The raw parameters apart from offset and limit, for links to other pages."""

    def holds(self, row: Row) -> bool:
        """Return whether the row meets all groups."""
        return all(any(condition.holds(row) for condition in group) for group in self.groups)


def _condition(raw: str, *, lists: bool, suffixes: bool, typed: bool) -> Condition:
    name, equals, value = raw.partition("=")
    name, value = unquote_plus(name), unquote_plus(value)
    operator = "eq"
    if equals and name[-1:] in ("<", ">") and raw.partition("=")[0][-1:] == name[-1:]:
        name, operator = name[:-1], _SYMBOLS[name[-1] + "="]  # a>=1 written without encoding
    elif equals and (symbol := next((s for s in _SYMBOLS if name.endswith(s)), None)):
        name, operator = name[: -len(symbol)], _SYMBOLS[symbol]
    elif match := _DECODED.match(unquote_plus(raw) if not equals else name):
        name, operator = match[1], _SYMBOLS[match[2]]
        value = f"{match[3]}={value}" if equals else match[3]
    elif equals and value.startswith("~") and name:
        operator, value = "regex", value[1:]  # a=~x written without encoding
    elif not equals:
        raise BadQuery(f"{raw!r} is not a condition; write attribute=value")
    head, dot, last = name.rpartition(".")
    if dot and last in OPERATORS and suffixes:
        name, operator = head, last
    elif dot and last.lower() in _NOT_TMF and suffixes:
        raise BadQuery(f"operator .{last} in {name!r} is not one of TMF630: {', '.join('.' + o for o in OPERATORS)}")
    if not _PATH.match(name):
        raise BadQuery(
            f"{name!r} is not an attribute path; write names joined by dots, then one of .eq .gt .gte .lt .lte .regex"
        )
    if operator == "regex":
        try:
            re.compile(value)
        except re.error as problem:
            raise BadQuery(f"{value!r} for {name} is not a regular expression: {problem}") from problem
        return Condition(name, operator, (value,))
    values = tuple(value.split(",")) if lists else (value,)
    if not typed:
        return Condition(name, operator, values)
    bare = tuple(v[1:-1] if len(v) > 1 and v[0] == v[-1] == '"' else v for v in values)
    plain = {v for v in values if _number(v) is not None}
    return Condition(name, operator, bare, frozenset(plain - {b for b, v in zip(bare, values, strict=True) if b != v}))


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise BadQuery(f"{name} is {text!r}; it must be a whole number, 0 or more")
    return int(text)


def _sort_key(part: str) -> tuple[str, bool]:
    sign, path = (part[0], part[1:]) if part[:1] in ("-", "+", " ") else ("+", part)
    if not _PATH.match(path):
        raise BadQuery(f"sort has {part!r}; write attribute paths separated by commas, each with - for descending")
    return path, sign == "-"


def parse(
    raw: str, *, lists: bool = True, ignored: Iterable[str] = (), suffixes: bool = True, typed: bool = False
) -> Query:
    """Read a query string.

    `lists` False takes a comma as part of the value. Parameters named in `ignored` are dropped. `suffixes` False
    takes .gt and the like as part of the path. `typed` compares what looks like a number as one, unless it is quoted.
    Raises BadQuery, for a bad operator, number, path or regular expression.
    """
    reserved: dict[str, str] = {}
    groups: list[list[Condition]] = []
    repeated: dict[tuple[str, str], list[Condition]] = {}
    others, dropped = [], frozenset(ignored)
    for part in filter(None, raw.split("&")):
        name = unquote_plus(part.partition("=")[0])
        if name in dropped:
            continue
        if name in ("offset", "limit"):
            reserved[name] = unquote_plus(part.partition("=")[2])
            continue
        others.append(part)
        if name in ("fields", "sort"):
            reserved[name] = unquote_plus(part.partition("=")[2])
            continue
        if name == "filter":
            raise NotImplementedError("filter= (JSONPath) is not supported; use attribute filters")
        group = [_condition(piece, lists=lists, suffixes=suffixes, typed=typed) for piece in part.split(";") if piece]
        group = [c for c in group if c.path not in dropped]
        if len(group) == 1 and group[0].operator in ("eq", "regex"):
            same = repeated.setdefault((group[0].path, group[0].operator), [])
            same.append(group[0])
            if len(same) > 1:
                continue
            group = same
        if group:
            groups.append(group)
    return Query(
        groups=tuple(map(tuple, groups)),
        fields=tuple(filter(None, reserved["fields"].split(","))) if "fields" in reserved else None,
        sort=tuple(map(_sort_key, filter(None, reserved.get("sort", "").split(",")))),
        offset=_whole("offset", reserved.get("offset", "0")),
        limit=_whole("limit", reserved["limit"]) if "limit" in reserved else None,
        others=tuple(others),
    )
