"""Keys in parts that fit into one request each, by their bytes and by their number."""

import sys
from collections.abc import Callable, Sequence, Sized

import msgspec


class Chunks(msgspec.Struct, frozen=True, gc=False):
    """Keys in parts that fit into one request each, and those that fit into none."""

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
    """`keys` in their order, in parts of as many as fit into `room` bytes, and never more than `most`.

    `written` is a key as it stands in the request, in bytes or in ASCII. A part takes `before` bytes besides its keys,
    and `between` from one key to the next.
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
