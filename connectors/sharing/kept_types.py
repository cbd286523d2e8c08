"""Which rows of a port can outlive a request: types, the methods that answer with them, how they are written."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, get_args, get_type_hints

import msgspec

from connectors.ports import Effect, marks
from connectors.records import Record, Rows, Window


class CachedType(msgspec.Struct, frozen=True):
    """A type whose rows can be kept: its record, and the graph's types with which it changes.

    What a record holds can be written down and read again: no file, which only the driver that found it can open.
    """

    record: type[Record]
    changes_with: frozenset[str]


class Keeping(msgspec.Struct, frozen=True):
    """For how many seconds rows of a type are kept, and for how many more they are shown while their system is down."""

    seconds: float
    stale: float = 0.0


class Counted(Protocol):
    """Counts rows of a type by what became of them: `hit`, `miss`, `stale`, `eviction`."""

    def __call__(self, type_name: str, outcome: str, rows: int, /) -> None:
        """Count so many rows."""


class KeptMethod(msgspec.Struct, frozen=True):
    """One method of the port whose rows are kept: its type, and how a row of it is written."""

    type_name: str
    name: str
    keeping: Keeping
    encoded_by: bytes
    decoder: "msgspec.json.Decoder[Any]"
    windows: bool


def kept_methods(
    port: type[Any], types: Mapping[str, CachedType], keeping: Mapping[str, Keeping]
) -> Iterator[tuple[str, KeptMethod]]:
    """The port's batches whose answers are rows of these types."""
    for name, mark in marks(port).items():
        if mark.effect is not Effect.READ or mark.keys is None:
            continue
        hints = get_type_hints(getattr(port, name))
        answer = hints["return"]
        for type_name, one in types.items():
            kind = next((part for part in _parts(answer) if part in (one.record, Rows[one.record])), None)  # type: ignore[name-defined]  # a type that is known when this runs
            if kind is not None:
                form = repr(msgspec.inspect.type_info(kind)).encode()
                windows = Window in {part for hint in hints.values() for part in (hint, *get_args(hint))}
                decoder = msgspec.json.Decoder(kind)
                yield name, KeptMethod(type_name, name, keeping[type_name], digest(form).encode(), decoder, windows)


def _parts(hint: Any) -> Iterator[Any]:
    """A type and those that it is made of, the larger ones first."""
    yield hint
    for one in get_args(hint):
        yield from _parts(one)


def digest(text: bytes) -> str:
    """A short name for a text, which does not tell it."""
    return hashlib.blake2b(text, digest_size=16).hexdigest()
