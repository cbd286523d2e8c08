"""Attributes that an installation keeps elsewhere: under a characteristic, in the specification, in the category.

TMF639 has a serial number and says that everything else of a thing is a characteristic; many installations have the
serial number among those, too. The profile says where (`kept_in`). The values are put where the standard has them
before a row is decoded, so that nothing above knows of it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from connectors.reading.rows import LARGEST
from connectors.reading.split import values
from connectors.reading.texts import same
from connectors.reading.turns import Turns

PLACE: Final = r"[@A-Za-z][\w-]*(\[[^\[\]]+\])?(\.[@A-Za-z][\w-]*(\[[^\[\]]+\])?)*"
"""Pattern of a place: names joined by dots; ``resourceCharacteristic[SN]`` is the value of the one that is named SN."""

_STEP: Final = re.compile(r"([@A-Za-z][\w-]*)(?:\[([^\[\]]+)\])?")
_NULL: Final = msgspec.Raw(b"null")

_Object = dict[str, msgspec.Raw]


class Places:
    """Where one resource's attributes stand, by the standard's names."""

    def __init__(self, kept_in: Mapping[str, str]) -> None:
        self._steps = {name: [*_STEP.findall(place)] for name, place in kept_in.items()}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def names(self, wanted: str) -> str:
        """The value of `fields=` with the attributes that hold the values."""
        named = {self._steps[name][0][0] if name in self._steps else name for name in wanted.split(",")}
        return ",".join(sorted(named))

    async def list_of(self, body: bytes, most: int) -> bytes:
        """A JSON list of rows with their values in place. Raises msgspec.DecodeError for what is no list.

        Of a long list with more than `most` rows there are only some, and more than that.
        """
        turns, rows = Turns(), list[bytes]()
        async for some in values(body):
            for raw in some:
                rows.append(self.row_of(raw))
                if turns.is_over:
                    await turns.next()
            if len(rows) > most:
                break
        return b"[" + b",".join(rows) + b"]"

    def row_of(self, body: bytes | msgspec.Raw) -> bytes:
        """The same for one row. One that is too large to be read stays as it is."""
        row = msgspec.Raw(body) if isinstance(body, bytes) else body
        return bytes(body) if len(memoryview(row)) > LARGEST else msgspec.json.encode(self._row(row))

    def _row(self, raw: msgspec.Raw) -> msgspec.Raw | _Object:
        row = _as_object(raw)
        if row is None:
            return raw
        found = {name: _value(row, steps) for name, steps in self._steps.items()}
        return row | {name: _word(value) if name.startswith("@") else value for name, value in found.items()}


def _value(row: _Object, steps: Sequence[tuple[str, str]]) -> msgspec.Raw:
    """The value at this place, null where there is none."""
    at: _Object | None = row
    value = _NULL
    for place, (name, wanted) in enumerate(steps, 1):
        value = at.get(name, _NULL) if at is not None else _NULL
        if wanted:
            at = _named(value, wanted)
            if place == len(steps):
                return _NULL if at is None else at.get("value", _NULL)
        else:
            at = _as_object(value)
    return value


def _named(raw: msgspec.Raw, wanted: str) -> _Object | None:
    """The first of a list of objects whose name it is, in any letter case."""
    try:
        rows = msgspec.json.decode(raw, type=list[_Object] | None)
    except msgspec.DecodeError:
        return None
    return next((one for one in rows or () if same(_text(one.get("name")), wanted)), None)


def _as_object(raw: msgspec.Raw) -> _Object | None:
    """An object, also where it is the first of a list."""
    try:
        found = msgspec.json.decode(raw, type=_Object | list[_Object] | None)
    except msgspec.DecodeError:
        return None
    return (found[0] if found else None) if isinstance(found, list) else found


def _text(raw: msgspec.Raw | None) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str) if raw is not None else None
    except msgspec.DecodeError:
        return None


def _word(raw: msgspec.Raw) -> msgspec.Raw:
    """What is true or false, as the word that the profile's `words` translate."""
    text = bytes(raw).strip()
    return msgspec.Raw(b'"' + text + b'"') if text in (b"true", b"false") else raw
