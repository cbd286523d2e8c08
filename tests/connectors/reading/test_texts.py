"""What people type is found in whatever form a system keeps it."""

import re
from unicodedata import normalize

import pytest

from connectors.reading.texts import caseless, contains, forms, pattern, same

NAMES = [
    "Zoë Müller",
    "Žluťoučký kůň",
    "Việt Nguyễn",
    "Ärlig Åsa",
    "Ангелина Йовчева",
    "Ωμέγα",
    "각",
    "Straße 1.a",
    "İstanbul",
]


@pytest.mark.parametrize("name", NAMES)
def test_each_form_and_case_is_the_same_text(name: str) -> None:
    kept = [normalize(form, cased) for form in ("NFC", "NFD") for cased in (name, name.lower(), name.upper())]
    for sought in kept:
        for one in kept:
            assert same(one, sought)
            assert contains(f"x{one}x", sought)
    for form in ("NFC", "NFD"):
        for cased in (name, name.lower()):
            assert re.search(pattern(normalize(form, cased)), normalize("NFC", name)), form
            assert re.search(pattern(normalize(form, cased)), f"xx{normalize('NFD', name)}"), form


@pytest.mark.parametrize("name", ["Zoë", "Ωμέγα", "Йовчева"])
def test_a_pattern_finds_any_case_where_only_ascii_has_none(name: str) -> None:
    """As in Java without UNICODE_CASE."""
    for form in ("NFC", "NFD"):
        for cased in (name.lower(), name.upper()):
            assert re.search(pattern(name), normalize(form, cased), re.ASCII)


def test_another_letter_is_another_text() -> None:
    assert not same("Zoe", "Zoë")
    assert not contains(normalize("NFD", "Zoë"), "zoe")
    assert not same(None, "x")
    assert same(None, "")
    assert not re.search(pattern("a.c"), "abc")


def test_plain_text_stays_as_it_is() -> None:
    assert pattern("Olsson") == "(?i)Olsson"
    assert (forms("Olsson"), caseless("OLSson")) == (["Olsson"], "olsson")
    assert forms("é") == ["é", "e\u0301"]
    assert forms("e\u0301") == ["e\u0301", "é"]
