"""Files as ports give them: bytes as they arrive, with what is known of the whole, and the part that was wanted."""

from collections.abc import AsyncIterator

import msgspec


class ByteRange(msgspec.Struct, frozen=True, gc=False):
    """Bytes of a file, as in RFC 9110, 14.1.2: from `first` to `last`, both counted from 0; `last` None: to the end.

    `first` None: the last `last` bytes.
    """

    first: int | None
    last: int | None

    def __str__(self) -> str:
        """As in a header."""
        return f"bytes={'' if self.first is None else self.first}-{'' if self.last is None else self.last}"

    def within(self, size: int) -> tuple[int, int] | None:
        """Where it begins and ends (not counted) in a file of so many bytes; None if it has none of them."""
        if self.first is None:
            begin, end = max(0, size - (self.last or 0)), size
        else:
            begin, end = self.first, size if self.last is None else min(self.last + 1, size)
        return (begin, end) if begin < end else None


class File(AsyncIterator[bytes]):
    """The bytes of a file, or of a part of it, once.

    `size`: bytes of the whole file. `begin`, `end`: which of them come; `end` None: up to the last, however many there
    are. `etag`: the system's word for this version, as in its header.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        *,
        size: int | None = None,
        begin: int = 0,
        end: int | None = None,
        etag: str | None = None,
    ) -> None:
        self._parts = parts
        self.size, self.begin, self.end, self.etag = size, begin, size if end is None else end, etag
        self.is_part = begin > 0 or (end is not None and end != size)

    @classmethod
    def of(cls, content: bytes) -> "File":
        """A file that is in memory."""
        return cls(_once(content), size=len(content))

    async def __anext__(self) -> bytes:
        """The next bytes, at least one. Raises `ConnectorError`."""
        return await anext(self._parts)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
