"""The portal that docs/clients.md makes: its files are taken from the page, generated from, checked and bundled."""

import asyncio
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import pytest

from web.build import UNREACHABLE, node_paths

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
PAGE: Final = ROOT / "docs/clients.md"
COPIED: Final = {ROOT / "docs/live/follow.ts": "src/follow.ts", HERE / "main.tsx": "src/main.tsx"}
"""What is beside the page's own files: what it tells people to copy, and what does as the tests say."""

Variant = Literal["graphql-16", "graphql-17", "apollo-manifest"]
"""With npm's `graphql` 16 or 17; or with 16 and the manifest of Apollo's own tool, which does not take 17."""

FOLDERS: Final[dict[Variant, Path]] = {"graphql-16": HERE, "graphql-17": HERE / "graphql17", "apollo-manifest": HERE}
"""Where the packages are locked."""

_FENCE: Final = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A fenced block: `name` is its file, or `build` for commands; it is for one variant, or for all ("")."""

    name: str
    text: str
    variant: str


def snippets() -> list[Snippet]:
    """All blocks of the page. A block without a name cannot be run: it has the name ""."""
    found = []
    for info, text in _FENCE.findall(PAGE.read_text(encoding="utf-8")):
        _, name, variant, *_ = [*info.split(), "", ""]
        found.append(Snippet(name, text, variant))
    return found


def files(variant: Variant) -> dict[str, str]:
    """Text by path; a variant's own files take the place of those for all."""
    named = [one for one in snippets() if "." in one.name]
    return {one.name: one.text for of in ("", variant) for one in named if one.variant == of}


def commands(variant: Variant) -> list[str]:
    """How the page is built, line by line: types are checked, and it is bundled, when all else is there."""
    blocks = [one.text for one in snippets() if one.name == "build" and one.variant in ("", variant)]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted(lines, key=lambda line: line.split()[1] in ("tsc", "build.mjs"))


async def built(folder: Path, variant: Variant) -> Path:
    """Write the files and run the page's commands; `folder`, where `made/portal.js` and the manifests are then.

    Skips where no package registry is reached.
    """
    packages = await _installed(FOLDERS[variant])
    for path, text in files(variant).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for source, path in COPIED.items():
        shutil.copy(source, folder / path)
    shutil.copy(ROOT / "schema.graphql", folder)
    (folder / "package.json").write_text('{ "type": "module" }')
    (folder / "relay-documents.json").write_text("{}")
    (folder / "src/__generated__").mkdir(exist_ok=True)
    (folder / "node_modules").symlink_to(packages)
    for command in commands(variant):
        program, script, *arguments = command.split()
        script = f"node_modules/.bin/{script}" if program == "npx" else script
        if script == "build.mjs" and variant != "graphql-16":
            arguments.append("--release")
        code, said = await _run(str(node_paths()[0]), script, *arguments, cwd=folder)
        assert code == 0, f"{command}: {said}"
    return folder


async def _installed(folder: Path) -> Path:
    if not (folder / "node_modules/esbuild").is_dir():
        node, npm = map(str, node_paths())
        code, said = await _run(node, npm, "ci", "--ignore-scripts", cwd=folder)
        if code and any(sign in said for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install the clients of docs/clients.md")
        assert code == 0, said
    return folder / "node_modules"


async def _run(*command: str, cwd: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()
