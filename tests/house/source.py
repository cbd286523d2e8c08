"""Modules of a checkout as they lie in its folders: what the house is counted from."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

PRODUCT: Final = ("gateway", "schema", "resolvers", "connectors", "sandbox")
"""What is delivered."""
BESIDE: Final = ("acceptance", "benchmarks", "tests", "docs", "web")
"""Told as totals only."""
_NOT_OURS: Final = {"node_modules", "__pycache__"}


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, and its text."""

    name: str
    path: Path
    is_package: bool
    text: str

    @property
    def package(self) -> str:
        """The top folder."""
        return self.name.partition(".")[0]

    @property
    def room(self) -> str:
        """The folder that holds the file, dotted: `connectors.http`."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def lines(self) -> int:
        """Lines of the file."""
        return len(self.text.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text, str(self.path))


def modules_of(tree: Path, packages: tuple[str, ...]) -> list[Module]:
    """The Python files of these top folders, by name; a folder that is not there has none."""
    return sorted((one for package in packages for one in _modules_in(tree, tree / package)), key=lambda one: one.name)


def _modules_in(tree: Path, folder: Path) -> Iterator[Module]:
    for path in folder.rglob("*.py"):
        relative = path.relative_to(tree)
        if _NOT_OURS.isdisjoint(relative.parts):
            is_package = path.name == "__init__.py"
            parts = relative.parent.parts if is_package else relative.with_suffix("").parts
            yield Module(".".join(parts), relative, is_package, path.read_text(encoding="utf-8"))
