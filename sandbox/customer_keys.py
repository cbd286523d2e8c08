"""Customers as this system knows them: by the CRM's number, by the party behind them, or by a number of its own.

A layer over rows that name customers by number. The CRM always says what the others may know its customers by: the
party in ``engagedParty``, the other number as the characteristic ``billingNumber``.
"""

import re
from dataclasses import replace
from typing import Any, Final, Literal

from sandbox.query import Query
from sandbox.shapes import Row

CustomersAs = Literal["number", "party", "reference"]

REFERENCE: Final = "billingNumber"
"""Name of the CRM's characteristic that holds the other number."""

_NUMBER: Final = re.compile(r"\d+\Z")
_SPELLED: Final = {"party": "P{}", "reference": "B-{}"}
_KNOWN: Final = {"party": re.compile(r"P(\d+)\Z"), "reference": re.compile(r"B-(\d+)\Z")}
_NO_NUMBER: Final = "none"


def reference(number: object) -> str:
    """Return the number that other systems may know a customer by."""
    return _SPELLED["reference"].format(number)


def natively(query: Query, known: CustomersAs) -> Query:
    """Return the query with customers' numbers, for finding rows that may match."""
    if known == "number":
        return query
    return replace(
        query,
        groups=tuple(tuple(_condition(condition, known) for condition in group) for group in query.groups),
    )


def row_of(row: Row, known: CustomersAs) -> Row:
    """Return the row with customers as the system knows them, wherever in it they are named."""
    if known == "number":
        return row
    return {key: _value(key, value, known) for key, value in row.items()}


def number_of(ident: str, known: CustomersAs) -> str:
    """Return the number of the customer that the system knows as `ident`; one that nobody has where it knows nobody."""
    return ident if known == "number" else _number(ident, known)


def _value(key: str, value: Any, known: CustomersAs) -> Any:
    if isinstance(value, list):
        return [_value(key, item, known) for item in value]
    if not isinstance(value, dict):
        return value
    return row_of(_party(value, known) if key == "relatedParty" else value, known)


def _condition(condition: Any, known: CustomersAs) -> Any:
    if condition.path != "relatedParty.id":
        return condition
    return replace(condition, values=tuple(_number(value, known) for value in condition.values))


def _number(value: str, known: CustomersAs) -> str:
    match = _KNOWN[known].match(value)
    return match[1] if match else _NO_NUMBER


def _party(party: Row, known: CustomersAs) -> Row:
    ident = party.get("id", "")
    if party.get("@referredType") != "Customer" or not _NUMBER.match(ident):
        return party
    changed = party | {"id": _SPELLED[known].format(ident)}
    return changed | {"@referredType": "Individual"} if known == "party" else changed
