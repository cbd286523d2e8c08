"""Scalars: what clients write and read of days, times, decimals and currencies."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition, DecimalDefinition
from strawberry.types.scalar import ScalarDefinition

CurrencyCode = NewType("CurrencyCode", str)
Scope = NewType("Scope", str)

_DECIMAL: Final = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|Infinity)", re.ASCII)
_NAN: Final = Decimal("NaN")


@dataclass(frozen=True, slots=True)
class Writer:
    """A scalar's serializer. The engine calls `write` itself for objects of exactly the class `kind`."""

    kind: type[Any]
    write: Callable[[Any], str]

    def __call__(self, value: Any) -> str:
        """The value as clients get it. Raises `TypeError` for what is no `kind`."""
        if not isinstance(value, self.kind):
            raise TypeError(f"{value!r:.60} is no {self.kind.__name__}")
        return self.write(value)


def _plain(amount: Decimal) -> str:
    """The amount without an exponent. `str` is three times as fast as `format`, and rarely writes an exponent."""
    text = str(amount)
    return format(amount, "f") if "E" in text else text


def _decimal(value: object) -> Decimal:
    """A decimal from a text or a whole number; a float is not exact. NaN for what is too large or small for any.

    NaN and Infinity are decimals, too, and are left to the checks of the input that they are in, which name its place.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise StrawberryInputCoercionError(f'Decimal must be a string such as "25.66", not {_shown(value)}.')
    try:
        return Decimal(text)
    except DecimalException:
        return _NAN


def _written_moment(value: datetime) -> str:
    """RFC 3339, which has no seconds in offsets, as local times before time zones have."""
    text = value.isoformat()
    return value.astimezone(UTC).isoformat() if text[-9] in "+-" else text


def _day(value: object) -> date:
    """A day, as YYYY-MM-DD and in no other of the forms of ISO 8601."""
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.isoformat() != value:
        raise StrawberryInputCoercionError(f'Date must be a day such as "2026-11-22", not {_shown(value)}.')
    return found


def _moment(value: object) -> datetime:
    """A point in time that is one in UTC, too: systems are asked for it so."""
    found: datetime = DateTimeDefinition.parse_value(value)  # type: ignore[misc]  # the library's, which has one
    try:
        (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        raise StrawberryInputCoercionError(
            f"DateTime must be a time of the years 1 to 9999 in UTC, not {_shown(value)}."
        ) from None
    return found


def _code(value: object) -> str:
    if not isinstance(value, str):
        raise StrawberryInputCoercionError(f'CurrencyCode must be a string such as "EUR", not {_shown(value)}.')
    return value


def _shown(value: object) -> str:
    return f'"{value:.40}"' if isinstance(value, str) else f"{value!r:.40}"


def _located(scalar: ScalarDefinition) -> ScalarDefinition:
    """The scalar, with errors that say where in the document a value is, as those of graphql-core's own scalars."""
    parse = scalar.parse_value
    assert parse is not None  # noqa: S101 - each of ours has one

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from error

    return replace(scalar, parse_literal=parse_literal)


_SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: replace(
        DateTimeDefinition,
        description="A point in time (RFC 3339), with its offset from UTC, such as 2026-11-22T09:30:00+00:00. What"
        " a system knows by the day only is midnight in its time zone. In arguments, a time without an offset is UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=Writer(datetime, _written_moment),
        parse_value=_moment,
    ),
    date: replace(
        DateDefinition,
        description="A day, such as 2026-11-22: the same for everybody, in no time zone. Show it as it is; a point in"
        " time made of it would be another day elsewhere.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=Writer(date, date.isoformat),  # of a datetime, which is one, too, the day without the time
        parse_value=_day,
    ),
    Decimal: replace(
        DecimalDefinition,
        description='An exact decimal number, as a string without an exponent, such as "-12.50". In arguments, a whole'
        " number may be a JSON number; a fraction may not, because a float is not exact.",
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        serialize=Writer(Decimal, _plain),
        parse_value=_decimal,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode",
        description="A currency: the three letters of its ISO 4217 code, such as EUR.",
        specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
        serialize=str,
        parse_value=_code,
    ),
    Scope: strawberry.scalar(
        name="Scope",
        description="What a caller may do, by a name that tokens and settings use, such as usage:read.",
        serialize=str,
        parse_value=str,
    ),
}

SCALARS: Final = {kind: _located(scalar) for kind, scalar in _SCALARS.items()}
"""By Python type; see `gateway.engine.codegen` for how fast each is written."""
