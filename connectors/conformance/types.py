"""Checks that a record's attributes have the port's types, money is exact, times have a zone, and days no time."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints

from connectors.records import Document, Known, Money, Period, Record, attributes

_CURRENCY: Final = re.compile(r"[A-Z]{3}")


def wrong_attribute(record: Any) -> str:
    """A description of the record's first wrong attribute; empty if there is none."""
    hints = get_type_hints(type(record))
    for name in attributes(type(record)):
        value = getattr(record, name)
        if (name == "id" or name.endswith("_id")) and value == "":
            return f"{name} is empty, right is a key or (where it may be) None"
        if wrong := _wrong(value, hints[name]):
            return f"{name} is {wrong}"
    return ""


def _wrong(value: Any, kind: Any) -> str:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        members = [one for one in get_args(kind) if one is not NoneType]
        if value is None and NoneType in get_args(kind):
            return ""
        return "" if any(not _wrong(value, one) for one in members) else _wrong(value, members[0])
    if origin is tuple:
        if not isinstance(value, tuple):
            return f"{value!r:.60} ({type(value).__name__}), right is a tuple"
        return next((wrong for one in value if (wrong := _wrong(one, get_args(kind)[0]))), "")
    if not isinstance(kind, type):
        return ""
    if kind is date and isinstance(value, datetime):
        return f"{value.isoformat()}, right is a day: a date without a time"
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        return f"{value!r:.60} ({type(value).__name__}), right is {kind.__name__}"
    return _wrong_value(value)


def _wrong_value(value: Any) -> str:
    match value:
        case datetime() if value.utcoffset() is None:
            return f"{value.isoformat()} without a zone, right is a datetime with tzinfo"
        case Decimal() if not value.is_finite():
            return f"{value}, right is a finite Decimal"
        case Money() if not isinstance(amount := cast(Any, value.amount), Decimal):
            return f"money with {amount!r:.40} ({type(amount).__name__}), right is an exact Decimal"
        case Money() if not _CURRENCY.fullmatch(str(value.currency)):
            return f"money in {value.currency!r:.40}, right is an ISO 4217 code such as 'EUR'"
        case Enum():
            return ""
        case Known(ids) if _wrong(ids, tuple[str, ...]) or not all(ids) or not ids:
            return f"Known({ids!r:.60}), right is a tuple of customers' numbers, at least one"
        case Document():
            return _wrong_document(value)
        case Period() | Record():
            return wrong_attribute(value)
        case _:
            return ""


def _wrong_document(document: Document) -> str:
    """A description of what is wrong with a document. Its `source` is private to the driver."""
    if not document.id or not document.owner:
        return "a document without id or owner, right are both"
    return _wrong(document.name, str | None) or _wrong(document.mime_type, str | None)
