"""No test reads what a room of the product keeps for itself: a name with an underscore may change without notice."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

import pytest

from tests.house.__main__ import ROOT
from tests.house.source import PRODUCT, Module, modules_of

ROOMS: Final = (*PRODUCT, "acceptance")

BREAKS: Final = "a test of the tests: it breaks the executor from within, and no public name leads there"

ALLOWED: Final = {
    ("tests/gateway/engine/test_differential.py", "Completion._complete"): BREAKS,
    ("tests/gateway/engine/test_differential.py", "Completion._value"): BREAKS,
    ("tests/gateway/engine/test_differential.py", "Planned._one_after_the_other"): BREAKS,
    ("tests/gateway/engine/test_differential.py", "failures._null_position"): BREAKS,
    ("tests/house/journey.py", "aiohttp.ClientSession._request"): "aiohttp's; rooms have a name like it for their own",
}
"""File and what it reads there, to the reason why it may. An entry that nothing needs any more fails, too."""

BY_TEXT: Final = ("getattr", "setattr", "hasattr", "delattr")


def private(name: str) -> bool:
    """Whether a name is its owner's alone: one underscore, and more than that."""
    return name.startswith("_") and not name.startswith("__") and name != "_"


def defined(modules: Iterable[Module]) -> set[str]:
    """Private functions, classes, attributes and module-level names of these modules, and modules with such a name."""
    made = re.compile(
        r"(?:\bdef |\bclass |\b(?:self|cls)\.|^)(_[a-zA-Z]\w*)", re.MULTILINE
    )  # parsing takes ten times as long
    found: set[str] = set()
    for module in modules:
        found.update([module.path.stem], made.findall(module.text))
    return set(filter(private, found))


def reads(tree: ast.AST, names: set[str]) -> Iterator[str]:
    """Where these names are read: `thing._name`, imports from a room, and by their text (`setattr(thing, "_name")`)."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                continue  # its own
            case ast.Attribute(attr=name) if name in names:
                yield ast.unparse(node)
            case ast.ImportFrom(module=str(module), names=imported) if module.partition(".")[0] in ROOMS:
                found = {part for part in (*module.split("."), *(one.name for one in imported)) if private(part)}
                yield from (f"{module} import {name}" for name in sorted(found))
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called), args=[thing, ast.Constant(value=name), *_]
            ):
                if called in BY_TEXT and name in names and ast.unparse(thing) not in ("self", "cls"):
                    yield f"{ast.unparse(thing)}.{name}"


def test_no_test_reads_a_rooms_private_names() -> None:
    names = defined(modules_of(ROOT, ROOMS))
    tests = modules_of(ROOT, ("tests", "benchmarks", "docs", "acceptance"))
    name, rooms = f"(?:{'|'.join(names)})", "|".join(ROOMS)
    may = re.compile(
        rf"""(?<!\bself)(?<!\bcls)\.{name}\b|["']{name}["']"""
        rf"|^ *from (?:{rooms})\b[\w.]*(?:\._| import (?:[^(\n]*\b_[a-zA-Z]|\([^)]*\b_[a-zA-Z]))",
        re.MULTILINE,
    )  # of these files something may be found: parsing all takes ten times as long
    some = [module for module in tests if may.search(module.text)]
    found = {(module.path.as_posix(), read) for module in some for read in reads(module.tree, names)}

    assert found - ALLOWED.keys() == set(), "offer something public in the room, or ask what it promises instead"
    assert ALLOWED.keys() - found == set(), "nothing needs this any more"


ROOM = Module(
    "connectors.rooms",
    ROOT / "connectors/rooms.py",
    is_package=False,
    text="""
_MOST = 9
class _Room:
    def _hidden(self):
        self._kept: int = 1
    def shown(self):
        _, self.open = 1, 2
""",
)


def test_private_are_functions_classes_attributes_and_names_of_a_module() -> None:
    assert defined([ROOM]) == {"_MOST", "_Room", "_hidden", "_kept"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("room._kept", ["room._kept"]),
        ("self.room._kept = 1", ["self.room._kept"]),
        ("super()._hidden()", ["super()._hidden"]),
        ("self._kept", []),
        ("room.open._other", []),
        ("from connectors.rooms import _MOST, shown", ["connectors.rooms import _MOST"]),
        ("from tests.rooms import _MOST", []),
        ("monkeypatch.setattr(Room, '_hidden', None)", ["Room._hidden"]),
        ("getattr(room, '_kept')", ["room._kept"]),
        ("getattr(self, '_kept')", []),
        ("find(room, '_kept')", []),
    ],
)
def test_what_is_read_is_found(text: str, found: list[str]) -> None:
    assert list(reads(ast.parse(text), defined([ROOM]))) == found
