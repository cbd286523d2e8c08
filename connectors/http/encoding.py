"""The media type and the encoding of an answer. JSON is UTF-8 (RFC 8259, 8.1); some systems write another one."""

import codecs
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from typing import Final

from connectors.reading.turns import Turns

AT_ONCE: Final = 16 * 1024
"""Bytes that are decoded in one turn, which takes up to 4 ms."""
_MARKS: Final = (
    (BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, with which it begins
    (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)
_CHARSET: Final = re.compile(
    r"""charset\s*=\s*["']?(utf-?(?:16|32)(?:[bl]e)?|iso-?8859-\d{1,2}|latin-?\d|(?:windows|cp)-?125\d)\b""",
    re.IGNORECASE,
)


def media_type(content_type: str | None) -> str:
    """What a Content-Type says without its parameters, in lower case; empty for none.

    aiohttp's own attribute reads the parameters, too: 64 KB of semicolons took it 80 seconds, and of brackets made it a
    RecursionError.
    """
    return (content_type or "").partition(";")[0].strip().lower()


def as_utf8(body: bytes, content_type: str | None) -> bytes:
    """The body in UTF-8, without a byte order mark; the same one where it is so already.

    A mark says what it is in, and else the Content-Type, unless it is UTF-8 all the same. What the encoding does not
    have becomes U+FFFD. For long bodies see `as_utf8_in_turns`.
    """
    if body.startswith(BOM_UTF8):
        return body[len(BOM_UTF8) :]
    encoding = _encoding(body, content_type)
    return body if encoding is None else body.decode(encoding, errors="replace").encode()


async def as_utf8_in_turns(body: bytes, content_type: str | None) -> bytes:
    """The same, where others have their turn in between: each byte that an encoding does not have takes its time."""
    if (encoding := _encoding(body, content_type)) is None:
        return as_utf8(body, content_type)
    decoder, turns, parts = codecs.getincrementaldecoder(encoding)(errors="replace"), Turns(), list[bytes]()
    for begins in range(0, len(body), AT_ONCE):
        parts.append(decoder.decode(body[begins : begins + AT_ONCE], begins + AT_ONCE >= len(body)).encode())
        if turns.is_over:
            await turns.next()
    return b"".join(parts)


def _encoding(body: bytes, content_type: str | None) -> str | None:
    """What the body is in; None for UTF-8."""
    if body.startswith(BOM_UTF8):
        return None
    if body[:1] in (b"\xfe", b"\xff", b"\0"):
        for mark, encoding in _MARKS:
            if body.startswith(mark):
                return encoding
    if not content_type or "charset" not in content_type or (said := _CHARSET.search(content_type)) is None:
        return None
    try:
        codecs.lookup(said[1])
    except LookupError:  # such as ISO-8859-12, which there is not
        return None
    if not said[1].casefold().startswith("utf"):
        try:
            body.decode()
        except UnicodeDecodeError:
            return said[1]
        return None
    return said[1]
