"""Splits keys into parts that fit into one request each, by bytes and by number."""

import sys
from collections.abc import Callable, Sequence, Sized

import msgspec


class Chunks(msgspec.Struct, frozen=True, gc=False):
    """Keys in parts that fit into one request each, and the keys that are too long for any request."""

    parts: Sequence[Sequence[str]]
    too_long: Sequence[str]


def chunks(
    keys: Sequence[str],
    written: Callable[[str], Sized],
    room: int,
    *,
    before: int = 0,
    between: int = 0,
    most: int = sys.maxsize,
) -> Chunks:
    """Split `keys`, in their order, into parts of at most `room` bytes and `most` keys.

    `written` encodes a key as in the request, in bytes or ASCII. A part takes `before` bytes besides its keys, and
    `between` bytes between two keys.
    """
    parts: list[list[str]] = []
    too_long: list[str] = []
    used = 0
    for key in keys:
        size = len(written(key))
        if before + size > room:
            too_long.append(key)
        elif parts and len(parts[-1]) < most and used + between + size <= room:
            parts[-1].append(key)
            used += between + size
        else:
            parts.append([key])
            used = before + size
    return Chunks(parts, too_long)
