"""The beginning of what a system says with a refusal, for the person who sets the gateway up: without credentials."""

import base64
import re
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 300
"""Characters that are shown."""
_READ: Final = 8 * 1024
"""Bytes that are looked at; a page of HTML has its reason far behind."""
_SCHEMES: Final = re.compile(r"\b(bearer|basic|token|digest)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_NAMED: Final = re.compile(
    r"""((?:pass(?:word|wd)?|secret|api[_-]?key|(?:access[_-]?)?token|authorization|cookie|session)["']?\s*[:=]\s*["']?)"""
    r"""[^"'&,;\s}<]+""",
    re.IGNORECASE,
)
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_UNREAD: Final = re.compile(r"<(/?)(?:script|style)\b[^<>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[^<>]*>")


def beginning(body: bytes, secrets: Iterable[str]) -> str:
    """The body's first words in one line; credentials, ours and what looks like some, as ***. Empty for no text."""
    text = body[:_READ].decode("utf-8", "replace")
    if "\x00" in text or text.count("\ufffd") > len(text) / 10:
        return ""
    for secret in sorted({one for one in secrets if len(one) > 3}, key=len, reverse=True):
        for written in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
            text = re.sub(re.escape(written) + "={0,2}", "***", text)
    text = _JWT.sub("***", _SCHEMES.sub(r"\1 ***", _NAMED.sub(r"\1***", text)))
    line = " ".join(_TAGS.sub(" ", _read(text)).split())
    line = "".join(letter for letter in line if letter.isprintable())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _read(text: str) -> str:
    """What a person reads of a page: nothing from the tag of a script or style to the next one's end."""
    kept, is_read, at = list[str](), True, 0
    for tag in _UNREAD.finditer(text):
        if is_read:
            kept.append(text[at : tag.start()])
        is_read, at = bool(tag[1]), tag.end()
    return " ".join([*kept, text[at:]] if is_read else kept)
