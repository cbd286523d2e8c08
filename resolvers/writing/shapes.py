"""Checks the shape of what clients write: lengths, addresses, amounts. Nothing is read for it."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.records import Money
from connectors.store.writes import Problem

LONGEST_KEY: Final = 255
LONGEST_LINE: Final = 200
LONGEST_TEXT: Final = 10_000
"""Characters of an idempotency key, of a line, and of a text of several lines."""
MOST_IDS: Final = 100
"""Entries of a list of ids: each is looked for, and each that is not found is told."""

_EMAIL: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>.]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()/.-]{3,30}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_CARD: Final = re.compile(r"(?:\d[ -]?){12,18}\d")
_MOST_DIGITS: Final = 18

Path = tuple[str, ...]


def text(value: str, path: Path, most: int, *, one_line: bool = False) -> Iterator[Problem]:
    """A text must not be blank, or longer than `most` characters; where it is one line, it has no line breaks."""
    if not value.strip():
        yield Problem("REQUIRED", "This must not be empty.", path)
    elif len(value) > most:
        yield Problem("TOO_LONG", f"This has {len(value)} characters: at most {most} are taken.", path)
    elif any(not (one.isprintable() or (one in "\n\t\r" and not one_line)) for one in value):
        yield Problem("INVALID", "This must be text" + (" in one line." if one_line else "."), path)


def ids(values: Sequence[str], path: Path) -> Iterator[Problem]:
    """A list of ids has not more than `MOST_IDS`."""
    if len(values) > MOST_IDS:
        yield Problem("TOO_LONG", f"This has {len(values)} entries: at most {MOST_IDS} are taken.", path)


def key(value: str) -> Iterator[Problem]:
    """An idempotency key."""
    return text(value, ("idempotencyKey",), LONGEST_KEY, one_line=True)


def email(value: str | None, path: Path) -> Iterator[Problem]:
    """An e-mail address, or None."""
    if value is not None and (len(value) > LONGEST_LINE or not value.isprintable() or not _EMAIL.fullmatch(value)):
        yield Problem("INVALID", "This must be an e-mail address, such as name@example.com.", path)


def phone(value: str | None, path: Path) -> Iterator[Problem]:
    """A phone number, or None."""
    if value is not None and not _PHONE.fullmatch(value):
        yield Problem("INVALID", "This must be a phone number, such as +46 70 123 45 67.", path)


def money(value: Money | None, path: Path) -> Iterator[Problem]:
    """An amount that can be paid: positive, finite, of a length that people write."""
    if value is None:
        return
    if not _CURRENCY.fullmatch(value.currency):
        yield Problem("INVALID", "This must be a currency's three letters, such as EUR.", (*path, "currency"))
    amount = value.amount
    if not amount.is_finite() or abs(amount.adjusted()) > _MOST_DIGITS or len(amount.as_tuple().digits) > _MOST_DIGITS:
        yield Problem("INVALID", "This must be an amount, such as 25.66.", (*path, "amount"))
    elif amount <= 0:
        yield Problem("INVALID", "This must be more than zero.", (*path, "amount"))


def method_token(value: str | None, path: Path) -> Iterator[Problem]:
    """What a payment provider gave the page: never the number of a card."""
    if value is None:
        return
    yield from text(value, path, LONGEST_KEY, one_line=True)
    if _CARD.fullmatch(value.strip()):
        yield Problem(
            "INVALID",
            "This looks like a card's number, which must never be sent: it must be the payment provider's token.",
            path,
        )


def fingerprint(given: msgspec.Struct) -> str:
    """The same for records that mean the same: `1.0` and `1.00`, and sets in any order."""
    return hashlib.sha256(msgspec.json.encode(_plain(given), order="sorted")).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value.normalize():f}"
        case msgspec.Struct():
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            kept = {name: one for name, one in fields.items() if one is not msgspec.UNSET}
            return {name: _plain(one) for name, one in kept.items()}
        case tuple():
            return sorted(_plain(one) for one in value)
        case Mapping():
            return {name: _plain(one) for name, one in value.items()}
        case _:
            return value
