"""`gateway schema`: printing, comparing, and what a change means for clients."""

from pathlib import Path

import pytest
from graphql import build_schema

from gateway.commands.schema_file import Changes, UnreadableSchema, changes, difference
from tests.gateway.commands.running import ROOT, InProcess

OLD = """type Query {
  bill(id: ID!): Bill
}

type Bill {
  id: ID!
  state: State
}

enum State {
  OPEN
}
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.graphql"
    path.write_text(OLD, encoding="utf-8")
    return path


def test_no_change(old: Path) -> None:
    assert difference(old, OLD) == []
    assert changes(old, OLD) == Changes([], [])


@pytest.mark.parametrize(
    ("before", "after", "breaking", "dangerous"),
    [
        ("  state: State\n", "", ["Field Bill.state was removed."], []),
        ("(id: ID!)", "(id: ID!, first: Int!)", ["A required argument Query.bill(first:) was added."], []),
        ("  OPEN\n", "  OPEN\n  PAID\n", [], ["Enum value State.PAID was added."]),
        ("state: State\n", "state: State\n  due: String\n", [], []),
    ],
)
def test_what_a_change_means(old: Path, before: str, after: str, breaking: list[str], dangerous: list[str]) -> None:
    new = OLD.replace(before, after)
    assert difference(old, new)[:3] != []
    found = changes(old, new)
    assert (list(found.breaking), list(found.dangerous)) == (breaking, dangerous)


def test_a_long_difference_is_cut(old: Path) -> None:
    found = difference(old, "", lines=5)
    assert len(found) == 6
    assert found[-1].startswith("... and ")


def test_a_file_that_holds_no_schema(old: Path) -> None:
    old.write_text("type Query {\n  bill: \n}\n", encoding="utf-8")
    with pytest.raises(UnreadableSchema, match=r"old\.graphql, line 3: Syntax Error"):
        changes(old, OLD)
    with pytest.raises(UnreadableSchema, match=r"none\.graphql: there is no such file; 'gateway schema --write'"):
        difference(old.with_name("none.graphql"), OLD)


def test_a_file_that_cannot_be_written(run: InProcess, tmp_path: Path) -> None:
    ended = run("schema", "--write", "--file", str(tmp_path))
    assert (ended.returncode, ended.stderr) == (1, f"--file: {tmp_path} cannot be written: Is a directory\n")


def test_the_committed_schema_is_the_codes(run: InProcess) -> None:
    compared = run("schema", "--check")
    assert compared.returncode == 0, compared.stderr
    printed = run("schema")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout == (ROOT / "schema.graphql").read_text(encoding="utf-8")
    assert "me" in build_schema(printed.stdout).type_map["Query"].fields  # type: ignore[attr-defined]  # an object type


def test_write_then_compare(run: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "schema.graphql"
    assert run("schema", "--write", "--file", str(path)).returncode == 0
    assert run("schema", "--check", "--file", str(path)).returncode == 0
    path.write_text(path.read_text(encoding="utf-8").replace("type Money", "type Cash", 1), encoding="utf-8")
    compared = run("schema", "--check", "--file", str(path))
    assert compared.returncode == 1
    lines = compared.stderr.splitlines()
    assert any(line.startswith("-type Cash") for line in lines)
    assert any(line.startswith("+type Money") for line in lines)
    assert (
        lines[-1]
        == f"{path} is not the code's schema: run 'gateway schema --write', look at the change, and commit it."
    )


def test_diff_fails_on_what_breaks(run: InProcess, tmp_path: Path) -> None:
    now = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    path = tmp_path / "old.graphql"
    path.write_text(now, encoding="utf-8")
    same = run("schema", "--diff", str(path))
    assert (same.returncode, same.stdout) == (
        0,
        f"Nothing that a client of {path} could notice has changed for the worse.\n",
    )
    path.write_text(f"{now}\nextend type Query {{\n  weather: String\n}}\n", encoding="utf-8")
    broken = run("schema", "--diff", str(path))
    assert (broken.returncode, broken.stdout) == (1, "BREAKING: Field Query.weather was removed.\n")
