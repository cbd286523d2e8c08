"""Rows whose attributes have other types than the standard's: what is unambiguous is read, the rest costs itself."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.reading.repair import repaired
from connectors.reading.rows import Identified, RowDecoder, Unreadable
from connectors.tmf.shapes import RelatedParty
from tests.edges import TIMES


class Inner(msgspec.Struct):
    text: str | None = None
    number: Decimal | None = None


class Row(Identified):
    text: str | None = None
    number: Decimal | None = None
    whole: int | None = None
    yes: bool | None = None
    inner: Inner | None = None
    some: list[Inner] | None = None
    words: list[str] | None = None
    either: str | int | None = None
    party: list[RelatedParty] | None = None


def rows_of(decoder: RowDecoder[Any], body: bytes) -> tuple[list[Any], bool]:
    return asyncio.run(decoder.rows(body))


def read(row: dict[str, Any], deciding: tuple[str, ...] = ("party",)) -> tuple[Any, list[str]]:
    told = list[str]()
    body = msgspec.json.encode([{"id": "1", **row}])
    (found,), _ = rows_of(RowDecoder(Row, told.append, deciding), body)
    return found, [one.split(" in a form", 1)[0].removeprefix("sends ") for one in told]


KEPT: list[tuple[str, Any, Any]] = [
    ("text", 5, "5"),
    ("text", 1.5, "1.5"),
    ("text", 1747438735000, "1747438735000"),
    ("text", True, "true"),
    ("number", "12.50", Decimal("12.50")),
    ("number", 7, Decimal(7)),
    ("whole", "7", 7),
    ("whole", 7.0, 7),
    ("yes", "true", True),
    ("yes", " False ", False),
    ("yes", 1, True),
    ("inner", [{"text": "a"}], Inner("a")),
    ("inner", {"text": 5, "number": "1"}, Inner("5", Decimal(1))),
    ("some", {"text": "a"}, [Inner("a")]),
    ("some", [{"text": 1}, {"text": "b"}], [Inner("1"), Inner("b")]),
    ("words", "one", ["one"]),
    ("words", ["one", 2], ["one", "2"]),
    ("either", 2.5, "2.5"),
    ("either", 36.0, 36),
]
LEFT_OUT: list[tuple[str, Any, Any, str]] = [
    ("text", {"a": 1}, None, "text"),
    ("text", ["a"], None, "text"),
    ("number", "much", None, "number"),
    ("number", True, None, "number"),
    ("whole", 7.5, None, "whole"),
    ("yes", "perhaps", None, "yes"),
    ("yes", 2, None, "yes"),
    ("inner", "a", None, "inner"),
    ("inner", {"text": {}, "number": 1}, Inner(None, Decimal(1)), "inner.text"),
    ("some", [{"text": "a"}, "b"], [Inner("a")], "some"),
    ("some", ["b"], None, "some"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), KEPT)
def test_what_is_unambiguous_is_read(name: str, value: Any, wanted: Any) -> None:
    found, told = read({name: value})
    assert (getattr(found, name), told) == (wanted, [])


@pytest.mark.parametrize(("name", "value", "wanted", "where"), LEFT_OUT)
def test_what_is_not_is_left_out_alone_and_told(name: str, value: Any, wanted: Any, where: str) -> None:
    found, told = read({name: value, "either": "kept"})
    assert (getattr(found, name), found.either, told) == (wanted, "kept", [where])


PARTIES: list[tuple[Any, bool]] = [
    ([{"id": "1"}], True),
    ({"id": "1"}, True),
    ([{"id": 1, "role": "customer"}], True),
    ([{"id": "1", "name": {}}], True),  # whose it is does not depend on the name
    ([{"id": {}}], False),
    ([{"id": "1", "role": []}], False),
    ([{"id": "1"}, {"id": []}], False),
    ([{"id": "a\ufffdb"}], True),  # it may be called so
    ("1", False),
    ({"odd": 1}, False),
]


@pytest.mark.parametrize(("party", "is_there"), PARTIES)
def test_a_row_is_lost_only_where_nobody_can_tell_whose_it_is(party: Any, is_there: bool) -> None:
    found, _ = read({"party": party})
    assert isinstance(found, Row) == is_there


@pytest.mark.parametrize("ident", [{}, [], None, True])
def test_or_which_row_it_is(ident: Any) -> None:
    found, _ = read({"id": ident})
    assert isinstance(found, Unreadable) == (ident is not True)
    assert found.id in (None, "true")


@pytest.mark.parametrize(
    ("ident", "read_as"),
    [("7", 7), ("7.0", 7), ("1e3", 1000), ("1e5000", None), ("-1e5000", None), (f"0e{'9' * 20}", None)],
)
def test_an_id_is_a_whole_number_of_as_many_digits_as_ids_have(ident: str, read_as: int | None) -> None:
    """One of 1e999999999 would take hours and gigabytes."""
    (row,), _ = rows_of(RowDecoder(Row, lambda _: None), b'[{"id": %s}]' % ident.encode())
    assert (row.id, isinstance(row, Unreadable)) == (read_as, read_as is None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25 * TIMES, suppress_health_check=[HealthCheck.too_slow])  # more in `make fuzz`
@given(st.dictionaries(st.sampled_from([one.name for one in msgspec.structs.fields(Row)]), JSON))
def test_no_value_of_any_kind_does_more_than_cost_itself_or_its_row(row: dict[str, Any]) -> None:
    try:
        body = msgspec.json.encode([{"id": "1", **row}])
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return  # it is no JSON
    told = list[str]()
    (found,), _ = rows_of(RowDecoder(Row, told.append, ["party"]), body)
    if isinstance(found, Row):
        msgspec.convert(msgspec.to_builtins(found), Row, strict=True)  # every attribute is of its type
    else:
        assert told


BROKEN: list[tuple[bytes, str]] = [
    (rb'"a\ud800b"', "a\ufffdb"),
    (rb'"a\udc00b"', "a\ufffdb"),
    (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
    (rb'"a\qb"', "a\ufffdqb"),
    (rb'"a\u12"', "a\ufffd12"),
    (b'"a\xffb"', "a\ufffdb"),
    (b'"a\nb\tc"', "a\nb\tc"),
    (rb'"\\ud800 \" \\\ud800"', '\\ud800 " \\\ufffd'),
]


@pytest.mark.parametrize(("body", "wanted"), BROKEN)
def test_a_broken_text_is_repaired(body: bytes, wanted: str) -> None:
    assert msgspec.json.decode(repaired(body)) == wanted


@given(JSON)
def test_what_is_right_stays_as_it_is(value: Any) -> None:
    try:
        body = msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return  # it is no JSON
    assert repaired(body) is body


def test_an_id_with_a_hole_identifies_nothing() -> None:
    body = repaired(rb'[{"id": "a\ud800b"}, {"id": "2", "text": "a\ud800b"}, {"id": "3", "party": [{"id": "\ud800"}]}]')
    (first, second, third), all_read = rows_of(RowDecoder(Row, lambda _: None, ["party"]), body)
    assert (second.text, all_read) == ("a\ufffdb", False)
    assert (isinstance(first, Unreadable), first.id) == (True, None)
    assert (isinstance(third, Unreadable), third.id) == (True, "3")
