"""One table says what a record is made of; what is asked for, decoded and made of it follows."""

import msgspec
import pytest

from connectors.records import Record
from connectors.tmf.kinds import date, numbered_text, text
from connectors.tmf.mapping import BoundMapping, Kind, Mapping, Source, source
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.versions import Version


class Thing(Record, frozen=True, kw_only=True):
    id: str
    owner: str | None = None
    name: str | None = None
    state: str = "none"
    size: str | None = None
    kind: str | None = None

    @property
    def is_large(self) -> bool:
        """Worked out of the size."""
        return self.size == "9"


def _state(row_id: str, first: str | None, second: str | None) -> str:
    return f"{row_id}: {first or second}"


THING = Mapping(
    Thing,
    always=["owner"],
    derived={"is_large": ["size"]},
    owner=source("ownerId", text),
    name=source("name", text),
    state=Source(
        {"id": str, "state": str | None, "status": str | None},
        lambda _reader: _state,
        {"v4": ("state",), "v5": ("state", "status")},
    ),
    size=source("theSize", numbered_text),
    kind=source("@type", text),
)
ROW = b'{"id":7,"ownerId":"1","name":"Ada","status":"old","theSize":9,"@type":"T","more":true}'


def bound(version: Version = "v4", **decoders: object) -> BoundMapping[Thing]:
    return THING.bound(Reader("billing", Profile()), version, **decoders)  # type: ignore[arg-type]  # functions


def made(mapping: BoundMapping[Thing], fields: frozenset[str] | None) -> Thing:
    return mapping.record_factory(fields)(msgspec.json.decode(ROW, type=mapping.row))


@pytest.mark.parametrize(
    ("version", "fields", "asked"),
    [
        ("v4", set(), "id,ownerId"),
        ("v4", {"name"}, "id,name,ownerId"),
        ("v4", {"state"}, "id,ownerId,state"),
        ("v5", {"state"}, "id,ownerId,state,status"),
        ("v4", {"is_large", "kind"}, "@type,id,ownerId,theSize"),
        ("v4", {"nothing that comes from here"}, "id,ownerId"),
    ],
)
def test_what_is_asked_for_follows_from_what_is_selected(version: Version, fields: set[str], asked: str) -> None:
    assert bound(version).projection.fields_value(frozenset(fields)) == asked


def test_a_record_is_made_of_what_was_selected() -> None:
    assert made(bound(), None) == Thing(id="7", owner="1", name="Ada", state="7: old", size="9", kind="T")
    assert made(bound(), frozenset()) == Thing(id="7", owner="1")
    assert made(bound(), frozenset({"is_large"})) == Thing(id="7", owner="1", size="9")


def test_a_driver_brings_the_decoders_that_only_it_can_make() -> None:
    assert made(bound(name=str.upper), frozenset({"name"})).name == "ADA"


def test_one_source_has_one_type() -> None:
    with pytest.raises(TypeError, match="Thing: name cannot be"):
        Mapping(Thing, name=source("name", text), size=source("name", Kind(int | None)))
    assert Mapping(Thing, name=source("name", text), size=source("name", date)).accepts == {"name": str | None}
