"""The manifests of three tools: as they made them (`manifests/`), and how to make them again (`manifest_tools/`)."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from web.build import node_paths

MADE = Path(__file__).parent / "manifests"
FOLDER = Path(__file__).parent / "manifest_tools"
SCHEMA = Path(__file__).parents[3] / "schema.graphql"

COMMANDS = {
    "apollo": ("@apollo/generate-persisted-query-manifest/cli.js", "--config", "persisted-query-manifest.config.json"),
    "relay": ("relay-compiler/cli.js",),
    "codegen": ("@graphql-codegen/cli/esm/bin.js", "--config", "codegen.json"),
}
WRITTEN = {"apollo": "apollo.json", "relay": "relay.json", "codegen": "codegen/persisted-documents.json"}


async def installed() -> str:
    """The wheel's node, once the tools are installed. Skips where no package registry is reached."""
    node, npm = map(str, node_paths())
    if not (FOLDER / "node_modules" / "relay-compiler").is_dir():
        code, said = await run(node, npm, "ci", "--ignore-scripts", cwd=FOLDER)
        if code and any(sign in said for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install the tools that write manifests")
        assert code == 0, said
    return node


async def manifests_made(folder: Path) -> dict[str, str]:
    """What each tool writes for the documents in `manifest_tools/src`."""
    node = await installed()
    for name in ("src", "codegen.json", "relay.config.json", "persisted-query-manifest.config.json", "package.json"):
        source = FOLDER / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    shutil.copy(SCHEMA, folder / "schema.graphql")
    (folder / "made/relay").mkdir(parents=True)
    (folder / "made/relay.json").write_text("{}")  # Relay wants to find it
    for tool, (program, *arguments) in COMMANDS.items():
        code, said = await run(node, f"node_modules/{program}", *arguments, cwd=folder)
        assert code == 0, f"{tool}: {said}"
    return {tool: (folder / "made" / path).read_text() for tool, path in WRITTEN.items()}


async def run(*command: str, cwd: Path) -> tuple[int, str]:
    """Exit code and all output of a command."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(110):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
