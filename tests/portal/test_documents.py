"""The portal's documents: valid, and their types (portal/src/gql, committed) are those of now."""

import fcntl
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from graphql import build_schema, concat_ast, parse, print_ast, specified_rules, validate
from graphql.validation import NoUnusedFragmentsRule

from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from web.build import node_paths

PORTAL = Path(__file__).resolve().parents[2] / "portal"
DOCUMENTS = sorted((PORTAL / "src").glob("*/*.graphql"))
GENERATED = PORTAL / "src" / "gql"


def test_they_are_valid() -> None:
    schema = build_schema((PORTAL.parent / "schema.graphql").read_text(encoding="utf-8"))
    whole = concat_ast([parse(one.read_text(encoding="utf-8")) for one in DOCUMENTS])
    rules = [one for one in specified_rules if one is not NoUnusedFragmentsRule]
    assert validate(schema, whole, rules) == []


def test_their_types_know_them() -> None:
    written = (GENERATED / "gql.ts").read_text(encoding="utf-8")
    known = {json.loads(one) for one in re.findall(r'^    (".*"): typeof ', written, re.MULTILINE)}
    assert known == {print_ast(parse(one.read_text(encoding="utf-8"))) for one in DOCUMENTS}, "run `make portal`"


def install_tools() -> None:
    """The tools of those who change the portal (codegen, TypeScript), by one process of the tests for all."""
    folder = os.open(PORTAL, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if (PORTAL / "node_modules" / "typescript").is_dir():
            return
        command = [*map(str, node_paths()), "ci", "--ignore-scripts"]
        npm = subprocess.run(command, cwd=PORTAL, capture_output=True, text=True, timeout=300)
        if npm.returncode and any(sign in npm.stderr for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install the portal's tools")
        assert npm.returncode == 0, npm.stdout + npm.stderr
    finally:
        os.close(folder)


def node(*arguments: str, folder: Path = PORTAL) -> None:
    program = node_paths()[0]
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_their_types_are_those_of_now_and_fit_the_pages() -> None:
    install_tools()
    before = {path.name: path.read_bytes() for path in GENERATED.iterdir()}
    try:
        node("node_modules/@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts")
        node("schema.mjs")
        assert {path.name: path.read_bytes() for path in GENERATED.iterdir()} == before, "run `make portal`"
    finally:
        for name, content in before.items():
            (GENERATED / name).write_bytes(content)
    node("node_modules/typescript/bin/tsc", "--noEmit")
