"""Repairs what no reader of JSON takes, in texts and for numbers, so that it costs itself and not the whole answer."""

import re
from collections.abc import Generator, Iterator
from typing import Final

from connectors.reading.turns import Turns

_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WORD: Final = re.compile(r"-?\b(?:NaN|Infinity)\b")
"""What some writers of JSON put where there is no number."""
_SPECIAL: Final = re.compile(r"[\\\x00-\x1f]")
_LONGEST: Final = 64 * 1024
"""Characters that are looked at one by one. A longer text in which something may be wrong is replaced as a whole."""
_LOOKED_AT: Final = 64
"""Texts after which the clock is looked at."""
_PART: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, which is right
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"  # half of one
    r"|\\u[0-9a-fA-F]{4}"
    r'|\\["\\/bfnrt]'
    r"|\\u?"  # of what JSON does not know
)
_CONTROLS: Final = {number: f"\\u{number:04x}" for number in range(32)}
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
REPLACED: Final = b"\\ufffd"
"""How the replacement character stands in a repaired answer."""


def repaired(body: bytes) -> bytes:
    """The body with each wrong escape and each byte that is not UTF-8 as U+FFFD, and control characters escaped.

    NaN and infinity are null. The same body where there is none. What else is wrong outside of texts stays so. For long
    bodies see `repaired_in_turns`.
    """
    text, is_utf8 = _decoded(body)
    mended = "".join(_mended(text))
    return body if is_utf8 and mended == text else mended.encode()


async def repaired_in_turns(body: bytes) -> bytes:
    """The same, where others have their turn in between."""
    text, is_utf8 = _decoded(body)
    turns, parts, joined = Turns(), list[str](), list[str]()
    for number, part in enumerate(_mended(text)):
        parts.append(part)
        if number % _LOOKED_AT == 0 and turns.is_over:
            joined.append("".join(parts))
            parts.clear()
            await turns.next()
    await turns.next()
    mended = "".join([*joined, *parts])
    await turns.next()
    return body if is_utf8 and mended == text else mended.encode()


def _decoded(body: bytes) -> tuple[str, bool]:
    """The text, and whether all of it was UTF-8."""
    text = body.decode("utf-8", errors="replace")
    is_utf8 = "\ufffd" not in text or text.encode() == body
    return (text if is_utf8 else text.replace("\ufffd", REPLACED.decode())), is_utf8


def _mended(text: str) -> Iterator[str]:
    """What stands between texts, and texts, in turn."""
    at = 0
    while (start := text.find('"', at)) >= 0:
        yield _without_words(text[at:start])
        string = _STRING.match(text, start, start + _LONGEST)
        at = string.end() if string else (yield from _end_of_long(text, start))
        if not at:  # It does not end.
            yield text[start:]
            return
        yield _text(text[start:at])
    yield _without_words(text[at:])


def _end_of_long(text: str, start: int) -> Generator[str, None, int]:
    """Where the text ends that begins here, 0 if it does not. It yields nothing again and again, for others' turns.

    A pattern would remember each escape that it passes.
    """
    begins = start + 1
    while (quote := text.find('"', begins)) >= 0:
        before = text[begins:quote]
        if not (len(before) - len(before.rstrip("\\"))) % 2:
            return quote + 1
        begins = quote + 1
        yield ""
    return 0


def _without_words(between: str) -> str:
    return _WORD.sub("null", between) if len(between) <= _LONGEST and ("N" in between or "I" in between) else between


def _text(string: str) -> str:
    if not _SPECIAL.search(string):
        return string
    if len(string) > _LONGEST:
        return f'"{REPLACED.decode()}"'
    if "\\" in string:
        string = _PART.sub(_part, string)
    return string.translate(_CONTROLS)


def _part(found: re.Match[str]) -> str:
    part = found[0]
    if part in ("\\", "\\u") or _HALF.fullmatch(part):
        return REPLACED.decode()
    return part
