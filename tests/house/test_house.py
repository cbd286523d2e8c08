"""The house is counted as its script says, and has no circles of files."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from yarl import URL

from tests.house.__main__ import ROOT, counted
from tests.house.imports import When, circles_by_time, imports_of
from tests.house.journey import holds
from tests.house.source import PRODUCT, modules_of

FILES = {
    "connectors/__init__.py": '"""Packages."""\n',
    "connectors/low.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from connectors.mid import Mid\n",
    "connectors/mid.py": "from connectors import low\nclass Mid:\n    '''See `Low`.'''\ndef shared(): ...\n",
    "connectors/http/__init__.py": "",
    "connectors/http/client.py": "from ..mid import Mid, shared\ndef send():\n    '''See `Mid`. Once.'''\n",
    "gateway/app.py": "import connectors.http.client\ndef shared():\n    from gateway import late\n",
    "gateway/late.py": "from gateway.app import shared\n" + "\n" * 300,
}


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Any]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return counted(tmp_path, way=False)


def test_rooms_and_arrows_are_counted(found: dict[str, Any]) -> None:
    assert {room: (one["files"], one["imports"]) for room, one in found["rooms"].items()} == {
        "connectors": (3, {}),
        "connectors.http": (2, {"connectors": 1}),
        "gateway": (2, {"connectors.http": 1}),
    }
    assert (found["arrows"], found["imports_between_rooms"], found["imports"], found["floors"]) == (2, 2, 6, 3)
    assert found["parts"]["connectors"] == {"parts": 4, "arrows": 3, "floors": 2}


def test_a_circle_is_told_by_when_it_closes(found: dict[str, Any]) -> None:
    assert found["circles_of_files"] == {
        "loaded": [],
        "called": [["gateway.app", "gateway.late"]],
        "never": [["connectors.low", "connectors.mid"]],
    }


def test_long_files_equal_names_and_references_are_told(found: dict[str, Any]) -> None:
    assert found["long_files"] == {"gateway/late.py": 301}
    assert found["defined_twice"] == {"shared": ["connectors.mid", "gateway.app"]}
    assert found["referring_docstrings"] == {
        "begin": ["connectors/http/client.py:2", "connectors/mid.py:2"],
        "only": ["connectors/mid.py:2"],
    }


@dataclass(frozen=True)
class Frozen:
    key: str


@dataclass
class Changing:
    key: str


class Key(msgspec.Struct, frozen=True):
    parent: Any


@pytest.mark.parametrize("value", ["1001", "Customer:1001", URL("http://x/?id=1001"), [("1001",)], Key(Frozen("1001"))])
def test_the_id_is_seen_in_what_holds_it(value: Any) -> None:
    assert holds(value)


@pytest.mark.parametrize("value", ["10011", '{ customer(id: "1001") }', 1001, Changing("1001"), [[[["1001"]]]]])
def test_the_id_is_not_seen_in_the_document_or_far_away(value: Any) -> None:
    assert not holds(value)


def test_this_house_has_no_circles() -> None:
    circles = circles_by_time(imports_of(modules_of(ROOT, PRODUCT)), str)
    assert (circles[When.LOADED], circles[When.CALLED]) == ([], [])


@pytest.mark.long  # a gateway whose every call is looked at
def test_the_ids_way_ends_in_one_call() -> None:
    command = (sys.executable, "-m", "tests.house", "--json")
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert list(found["way"]) == ["agent", "subscriber"]
    for way in found["way"].values():
        assert any(place.startswith("connectors/billing/") and names for place, names in way["way"].items())
        assert way["functions"] > way["handed"] >= way["handed_files"] > 1
