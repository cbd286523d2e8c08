"""The documents are true where a machine can tell: links, anchors, commands, make targets and error codes."""

import os
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

from gateway.commands.cli import cli
from gateway.errors import CODES
from resolvers.errors import Forbidden, OutcomeUnknown, PaymentUnknown, WriteInProgress, WriteNotDone
from resolvers.writing.mutations import UserErrorCode
from tests.house.__main__ import ROOT

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
LINES = 150
WIDTH = 120

FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
MODULE = re.compile(r"python -m ([a-z_.]+)")
MAKE = re.compile(r"(?:^|\s)make((?: [a-z]+\b(?!=))+)")
GATEWAY = re.compile(r"(?:^|[\s/(])gateway ([a-z][a-z-]*)([^|#]*)")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def code(page: Path) -> Iterator[str]:
    """Lines of code, without comments in them, and what stands in backticks."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        yield from (line.partition(" #")[0] for line in block.splitlines()[1:-1])
    yield from (" ".join(span.split()) for span in SPAN.findall(prose(page)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    names: set[str] = set()
    for heading in HEADING.findall(prose(page)):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        names.add(next(name for name in (plain, *(f"{plain}-{n}" for n in range(1, 99))) if name not in names))
    return names


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(SPAN.sub("", prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), f"{link}: outside of the repository"
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pages
def test_make_targets_exist(page: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    for line in code(page):
        for named in MAKE.findall(line):
            assert set(named.split()) <= targets, f"{line}: not in the Makefile"


@pages
def test_commands_and_their_options_exist(page: Path) -> None:
    commands: dict[str, Any] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]  # a group has some
    for line in code(page):
        for name, rest in GATEWAY.findall(line):
            assert name in commands, f"{line}: there is no such command"
            options = {one for it in commands[name].params for one in (*it.opts, *it.secondary_opts)} | {"--help"}
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, f"{line}: there is no such option"


@pages
def test_modules_exist(page: Path) -> None:
    for line in code(page):
        for module in MODULE.findall(line):
            assert find_spec(module), f"{line}: there is no such module"


def test_the_readme_is_short() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LINES
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("|")] == []


def test_the_readme_names_every_page() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall(prose(README))}
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= linked


def test_every_test_that_a_page_names_exists() -> None:
    page = ROOT / "docs/real-installations.md"
    rows = [
        line for line in prose(page).splitlines() if line.startswith("| ") and not line.startswith(("| found", "| ---"))
    ]
    assert len(rows) > 20
    files: dict[str, list[Path]] = {}
    for folder, folders, names in os.walk(ROOT / "tests"):
        folders[:] = [one for one in folders if one != "node_modules"]
        for one in names:
            files.setdefault(one, []).append(Path(folder, one))
    for row in rows:
        named = [span for span in SPAN.findall(row.rsplit(" | ", 1)[-1]) if span.startswith("test_")]
        assert named, f"no test proves this: {row}"
        for file, _, name in (one.partition("::") for one in named):
            (path,) = files[file]
            wanted = rf"^(?:async )?def {re.escape(name) or 'test_[a-z0-9_]+'}\("
            assert re.search(wanted, path.read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{name}: no such test"
        for file in SPAN.findall(row):
            assert not re.fullmatch(r"[a-z_]+/[\w/]+\.py", file) or (ROOT / file).exists(), f"{file}: no such file"


def test_every_code_is_told_to_portal_developers() -> None:
    page = (ROOT / "docs/portal-developers.md").read_text(encoding="utf-8")
    assert sorted(CODE.findall(page)) == sorted(CODES)


def test_every_code_of_writes_is_told_with_what_to_show() -> None:
    page = (ROOT / "docs/writing.md").read_text(encoding="utf-8")
    failures = [one.code for one in (WriteInProgress, OutcomeUnknown, PaymentUnknown, WriteNotDone, Forbidden)]
    assert CODE.findall(page) == [*UserErrorCode.__members__, *failures]
