"""What stands in the files: public names that are defined twice, and docstrings that send the reader elsewhere."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

from tests.house.source import Module

_BEGINS: Final = re.compile(r"(See|As in|As for) `")
_SAYS_NO_MORE: Final = re.compile(r"(See|As in|As for) `[^`]+`\.?")


def defined_twice(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Public classes and functions at the top of more than one module, with these modules."""
    found: dict[str, list[str]] = {}
    for module in modules:
        for name in sorted(set(_public(module.tree))):
            found.setdefault(name, []).append(module.name)
    return {name: places for name, places in sorted(found.items()) if len(places) > 1}


def _public(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            yield node.name


def referring(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Docstrings that begin with a reference (``See `X`. ...``), as `file:line`; `only` are those that say no more."""
    begin: list[str] = []
    only: list[str] = []
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                said = ast.get_docstring(node) or ""
                where = f"{module.path}:{node.lineno if not isinstance(node, ast.Module) else 1}"
                if _BEGINS.match(said):
                    begin.append(where)
                if _SAYS_NO_MORE.fullmatch(said):
                    only.append(where)
    return {"begin": begin, "only": only}
