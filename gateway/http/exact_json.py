"""JSON from clients, with numbers that stay the numbers that were written."""

import math
from codecs import BOM_UTF8
from decimal import Decimal, DecimalException
from typing import Any, Final

import msgspec

_LARGEST: Final = 2.0**53
"""Below which a float holds every whole number."""


class NotJson(ValueError):
    """It is not JSON in UTF-8, or nested too deeply."""


def exact_number(text: str) -> float | int | Decimal:
    """A number with a fraction or an exponent, as it is written: a float, but an int for a whole one from 2^53 on.

    A Decimal, which no argument takes, where a float would be a whole number and the number is none. Raises ValueError
    for an exponent that no Decimal holds, as in 0e99999999999999999999.
    """
    number = float(text)
    if not number.is_integer() or not math.isfinite(number):
        return number
    try:
        written = Decimal(text)
    except DecimalException:
        raise ValueError("a number in it has an exponent of more than 18 digits") from None
    if written != written.to_integral_value():
        return written
    return number if abs(number) < _LARGEST else int(written)


_DECODE: Final = msgspec.json.Decoder(float_hook=exact_number).decode


def exact_json(text: bytes | str) -> Any:
    """The decoded JSON; a byte order mark before it is no part of it (RFC 8259, 8.1). Raises NotJson."""
    try:
        return _DECODE(text)
    except UnicodeDecodeError as error:
        raise NotJson("a text in it has bytes that are not UTF-8") from error
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        if isinstance(text, bytes) and text.startswith(BOM_UTF8):
            text = text[len(BOM_UTF8) :]
            if not text.startswith(BOM_UTF8):  # only one may be there: a megabyte of them must cost no more
                return exact_json(text)
        raise NotJson(str(error)) from error
