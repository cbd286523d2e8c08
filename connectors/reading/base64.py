"""Base64 as systems write it."""

import re
from base64 import b64decode
from typing import Final

_DATA_URL: Final = re.compile(r"\s*data:[^,]*;\s*base64\s*,", re.IGNORECASE)
_STANDARD: Final = str.maketrans("-_", "+/", " \t\r\n\f\v")


def base64_bytes(text: str) -> bytes:
    """The bytes of base64 in whatever form says them without doubt. Raises ValueError for anything else.

    It may have line breaks, as in mail (RFC 2045, 6.8), the alphabet for addresses (RFC 4648, 5) and too little or too
    much padding, and may come as a data URL (RFC 2397).
    """
    bare = _DATA_URL.sub("", text, count=1).translate(_STANDARD).rstrip("=")
    return b64decode(bare + "=" * (-len(bare) % 4), validate=True)
