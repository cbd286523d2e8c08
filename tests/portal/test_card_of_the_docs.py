"""The card that docs/portal.md adds: each step of the page, applied to a copy of the portal, fits its types."""

import re
import shutil
from pathlib import Path

import pytest

from tests.portal.test_documents import PORTAL, install_tools, node

PAGE = PORTAL.parent / "docs" / "portal.md"
IMPORT = 'import { ProductsCard } from "./ProductsCard";\n'
SHOWN = "<ProductsCard home={home} me={me} />"


def steps() -> list[tuple[str, str]]:
    """The section's blocks, in order: their language, and what they say."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Add a card\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def change(file: Path, before: str, added: str) -> None:
    """Put `added` behind the only `before` in `file`."""
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file.name} has not one {before!r}"
    file.write_text(text.replace(before, before + added), encoding="utf-8")


@pytest.mark.long
def test_its_steps_fit_together(tmp_path: Path) -> None:
    install_tools()
    languages, (fragment, alone, words, card, test) = zip(*steps(), strict=True)
    assert languages == ("graphql", "graphql", "ts", "tsx", "python")
    copy = tmp_path / "portal"
    shutil.copytree(PORTAL, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (copy / "node_modules").symlink_to(PORTAL / "node_modules")
    (tmp_path / "schema.graphql").write_bytes((PORTAL.parent / "schema.graphql").read_bytes())
    home = copy / "src" / "home"
    change(home / "PortalHome.graphql", "    ...HomeTickets\n", "    ...HomeProducts\n")
    change(home / "PortalHome.graphql", "createdAt }\n  }\n}\n", f"\n{fragment}")
    change(home / "cards.graphql", "query HomeTicketsAgain { me { id ...HomeTickets } }\n", alone)
    change(copy / "src" / "texts.ts", "  home: {\n", f"    {words}")
    (home / "ProductsCard.tsx").write_text(card, encoding="utf-8")
    change(home / "HomePage.tsx", 'import { Greeting } from "./Greeting";\n', IMPORT)
    change(home / "HomePage.tsx", "        <TicketsCard home={home} me={me} />\n", f"        {SHOWN}\n")
    assert SHOWN in PAGE.read_text(encoding="utf-8")
    node("node_modules/@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.ts", folder=copy)
    node("node_modules/typescript/bin/tsc", "--noEmit", folder=copy)
    compile(test, str(PAGE), "exec")
