"""Who imports whom: arrows between rooms, circles, and floors."""

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

from tests.house.source import Module

N = TypeVar("N")
Graph = Mapping[str, Collection[str]]
"""To each node those that it needs."""
Circle = tuple[str, ...]
"""Nodes each of which needs all others, by name."""


class When(IntEnum):
    """When an import is made."""

    LOADED = 1
    """With the module itself."""
    CALLED = 2
    """Inside a function."""
    NEVER = 3
    """Under `if TYPE_CHECKING:`."""


@dataclass(frozen=True)
class Import:
    """One import statement's need of one of our modules."""

    importer: str
    imported: str
    line: int
    when: When


def imports_of(modules: Collection[Module]) -> list[Import]:
    """Every import of one of these modules by another, once for each statement.

    `from package import name` needs the module of that name where there is one, else the package's own file.
    """
    known = {module.name for module in modules}
    return [one for module in modules for one in _imports(module, known)]


def _imports(module: Module, known: Collection[str]) -> Iterator[Import]:
    for statement, when in _statements(module.tree.body, When.LOADED):
        for name in sorted(set(_needs(module, statement, known)) - {module.name}):
            yield Import(module.name, name, statement.lineno, when)


def _statements(body: Iterable[ast.AST], when: When) -> Iterator[tuple[ast.Import | ast.ImportFrom, When]]:
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node, when
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _statements(node.body, When.NEVER)
                yield from _statements(node.orelse, when)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _statements(node.body, max(when, When.CALLED))
            case _:
                for part in ("body", "orelse", "finalbody", "handlers", "cases"):  # of statements
                    yield from _statements(getattr(node, part, ()), when)


def _needs(module: Module, statement: ast.Import | ast.ImportFrom, known: Collection[str]) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names if alias.name in known)
        return
    start = statement.module or ""
    if statement.level:
        above = module.room.split(".")
        above = above[: len(above) - statement.level + 1]
        start = ".".join([*above, *([start] if start else [])])
    for alias in statement.names:
        name = f"{start}.{alias.name}"
        if name in known:
            yield name
        elif start in known:
            yield start


def arrows(imports: Iterable[Import], place: Callable[[str], str]) -> Counter[tuple[str, str]]:
    """Statements by importing and imported place; those within one place are none."""
    pairs = ((place(one.importer), place(one.imported)) for one in imports)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def graph(pairs: Iterable[tuple[N, N]]) -> dict[N, set[N]]:
    """To each node those that it needs; every node is a key."""
    found: dict[N, set[N]] = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set())
    return found


def circles(needs: Graph) -> list[Circle]:
    """Strongly connected components of more than one node."""
    reached = {node: _reachable(needs, node) for node in needs}
    found = {tuple(sorted(other for other in reached[node] if node in reached[other])) for node in needs}
    return sorted(circle for circle in found if len(circle) > 1)


def circles_by_time(imports: Iterable[Import], place: Callable[[str], str]) -> dict[When, list[Circle]]:
    """Circles that are there already when modules are loaded; those that calls, and those that only types, add."""
    every = list(imports)
    found: dict[When, list[Circle]] = {}
    for when in When:
        so_far = arrows((one for one in every if one.when <= when), place)
        before = [circle for circles in found.values() for circle in circles]
        found[when] = [circle for circle in circles(graph(so_far)) if circle not in before]
    return found


def floors(needs: Graph) -> int:
    """Nodes on the longest chain, where a circle is one node."""
    home = {node: (node,) for node in needs} | {node: circle for circle in circles(needs) for node in circle}
    between = graph((home[node], home[other]) for node in needs for other in needs[node])
    heights: dict[Circle, int] = {}

    def height(node: Circle) -> int:
        if node not in heights:
            heights[node] = 1 + max((height(other) for other in between.get(node, ()) if other != node), default=0)
        return heights[node]

    return max((height(node) for node in home.values()), default=0)


def _reachable(needs: Graph, start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(needs.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found
