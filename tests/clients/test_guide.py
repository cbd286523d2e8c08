"""docs/clients.md shows only what is run, and names the packages that were run."""

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, concat_ast, parse, specified_rules, validate
from graphql.validation import KnownDirectivesRule, NoUndefinedVariablesRule, NoUnusedFragmentsRule

from tests.clients.portal_of_the_guide import COPIED, FOLDERS, PAGE, ROOT, Variant, commands, files, snippets

VARIANTS: tuple[Variant, ...] = ("graphql-16", "graphql-17", "apollo-manifest")
ASKED_FOR_BY_NAME = {"tsconfig.json": "tsc", "relay.config.json": "relay-compiler"}
"""Files that a tool finds by itself."""

IMPORTED = re.compile(r'from "\./([^"]+)"')
PACKAGE = re.compile(r'from "((?:@[^"/]+/)?[^"/.][^"/]*)')
EXPORTED = re.compile(r"^export (?:async )?(?:function|const) (\w+)", re.MULTILINE)
TEMPLATE = re.compile(r"\bgraphql`(.*?)`", re.DOTALL)
RELAYS = [KnownDirectivesRule, NoUndefinedVariablesRule, NoUnusedFragmentsRule]
"""What Relay allows beside: directives of its own, by which fragments declare variables."""
NAMED = re.compile(r"`((?:@[\w-]+/)?[\w-]+)`(?: and `([\w-]+)`)? (\d+\.\d+\.\d+)")


def test_every_block_is_written_or_run() -> None:
    used = {name for variant in VARIANTS for name in files(variant)}
    assert {one.name for one in snippets()} == used | {"build"}
    assert {one.variant for one in snippets()} <= {"", *VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_file_is_part_of_the_portal(variant: Variant) -> None:
    given = files(variant) | {path: source.read_text(encoding="utf-8") for source, path in COPIED.items()}
    reached = _imported(given)
    run = "\n".join(commands(variant))
    for path, text in files(variant).items():
        if path.startswith("src/"):
            assert path in reached, f"{path}: nothing imports it"
            others = "\n".join(other for at, other in given.items() if at != path)
            unused = [name for name in EXPORTED.findall(text) if not re.search(rf"\b{name}\b", others)]
            assert unused == [], f"{path}: nothing runs these"
        elif path in ASKED_FOR_BY_NAME:
            assert ASKED_FOR_BY_NAME[path] in run
        else:
            assert path in run or f'"{path}"' in given["codegen.ts"], f"{path}: nothing reads it"


def test_the_documents_are_valid() -> None:
    """`make long` compiles each block, too, and runs it (test_clients.py)."""
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    given = files("graphql-16")
    of_relay = [one for path, text in given.items() if path.endswith(".tsx") for one in TEMPLATE.findall(text)]
    assert len(of_relay) > 3
    rules = [one for one in specified_rules if one not in RELAYS]
    assert validate(schema, concat_ast([parse(one) for one in of_relay]), rules) == []
    assert validate(schema, parse(given["portal.graphql"])) == []


def test_the_versions_are_those_that_are_locked() -> None:
    named = {
        package: version
        for first, second, version in NAMED.findall(PAGE.read_text(encoding="utf-8"))
        for package in (first, second)
        if package
    }
    imported = {one for text in files("apollo-manifest").values() for one in PACKAGE.findall(text)}
    assert imported <= {*named, "graphql", "node:fs"}
    for variant, without in (("graphql-16", set()), ("graphql-17", _not_for_17())):
        folder = FOLDERS[variant]  # type: ignore[index]  # the names of two variants
        wanted = json.loads((folder / "package.json").read_text())["dependencies"]
        assert {one: wanted.get(one) for one in named} == named | dict.fromkeys(without)


def test_the_packages_that_do_not_take_graphql_17_say_so() -> None:
    packages = json.loads((FOLDERS["graphql-16"] / "package-lock.json").read_text())["packages"]
    peers = {name: packages[f"node_modules/{name}"]["peerDependencies"]["graphql"] for name in _not_for_17()}
    assert peers == dict.fromkeys(
        ("@apollo/generate-persisted-query-manifest", "@apollo/persisted-query-lists"), "14.x || 15.x || 16.x"
    )
    locked = json.loads((FOLDERS["graphql-17"] / "package-lock.json").read_text())["packages"]
    assert locked["node_modules/graphql"]["version"].startswith("17.")
    assert not any(one in path for path in locked for one in peers)


@pytest.mark.parametrize("variant", ["graphql-16", "graphql-17"])
def test_the_locks_name_no_registry(variant: Variant) -> None:
    assert "resolved" not in (FOLDERS[variant] / "package-lock.json").read_text()


def _imported(given: dict[str, str]) -> set[str]:
    """What the page of the tests imports, and so on."""
    found: set[str] = set()
    new = {"src/main.tsx"}
    while new:
        found |= new
        names = {f"src/{one}" for path in new for one in IMPORTED.findall(given[path])}
        new = {path for path in given if Path(path).with_suffix("").as_posix() in names} - found
    return found


def _not_for_17() -> set[str]:
    sixteen, seventeen = (
        json.loads((FOLDERS[variant] / "package.json").read_text())["dependencies"]
        for variant in ("graphql-16", "graphql-17")
    )
    return set(sixteen) - set(seventeen)
