"""Texts that people type and systems keep: the same one in any letter case and any canonical form of Unicode.

``é`` may be one character (NFC) or an ``e`` with an accent that combines (NFD, as on macOS): both look the same.
"""

import re
from collections.abc import Iterator
from unicodedata import combining, normalize


def caseless(text: str) -> str:
    """The text for comparison (Unicode 3.13, canonical caseless match, composed so that no letter loses its accent)."""
    if text.isascii():
        return text.casefold()
    return normalize("NFC", normalize("NFD", text).casefold())


def same(one: str | None, other: str | None) -> bool:
    """Whether both are the same text. None is an empty one."""
    return caseless(one or "") == caseless(other or "")


def contains(text: str | None, sought: str) -> bool:
    """Whether the text contains what is sought."""
    return caseless(sought) in caseless(text or "")


def forms(text: str) -> list[str]:
    """What to ask a system for that compares character by character: the text as it is, composed, and decomposed.

    A single one for most texts. One whose letters are partly composed and partly not is found only as it is kept.
    """
    return list(dict.fromkeys([text, normalize("NFC", text), normalize("NFD", text)]))


def pattern(text: str) -> str:
    """A regular expression for what contains the text. Letter case beyond ASCII is spelled out.

    Some engines ignore case in ASCII only, and none knows of canonical forms.
    """
    return "(?i)" + "".join(map(_alternatives, _letters(normalize("NFC", text))))


def _letters(text: str) -> Iterator[str]:
    """Characters with those that combine with them."""
    letter = ""
    for character in text:
        if letter and not combining(character):
            yield letter
            letter = ""
        letter += character
    if letter:
        yield letter


def _alternatives(letter: str) -> str:
    if letter.isascii():
        return re.escape(letter)
    cases = dict.fromkeys([letter, letter.lower(), letter.upper(), letter.casefold()])
    found = dict.fromkeys(form for spelled in cases for form in forms(spelled))
    if len(found) == 1:
        return re.escape(letter)
    return f"(?:{'|'.join(map(re.escape, found))})"
