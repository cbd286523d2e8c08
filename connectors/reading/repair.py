"""Repairs what no reader of JSON takes, in texts and for numbers, so that it costs itself and not the whole answer."""

import re
from typing import Final

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
"""A text, or what some writers of JSON put where there is no number."""
_PART: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, which is right
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"  # half of one
    r"|\\u[0-9a-fA-F]{4}"
    r'|\\["\\/bfnrt]'
    r"|\\u?"  # of what JSON does not know
    r"|[\x00-\x1f]"
)
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
REPLACED: Final = b"\\ufffd"
"""How the replacement character stands in a repaired answer."""


def repaired(body: bytes) -> bytes:
    """The body with each wrong escape and each byte that is not UTF-8 as U+FFFD, and control characters escaped.

    NaN and infinity are null. The same body where there is none. What else is wrong outside of texts stays so.
    """
    text = body.decode("utf-8", errors="replace")
    is_utf8 = "\ufffd" not in text or text.encode() == body
    mended = _STRING.sub(_mended, text if is_utf8 else text.replace("\ufffd", REPLACED.decode()))
    return body if is_utf8 and mended == text else mended.encode()


def _mended(string: re.Match[str]) -> str:
    return _PART.sub(_part, string[0]) if string[0][0] == '"' else "null"


def _part(found: re.Match[str]) -> str:
    part = found[0]
    if part in ("\\", "\\u") or _HALF.fullmatch(part):
        return REPLACED.decode()
    return f"\\u{ord(part):04x}" if part < " " else part
