"""TMF630 projection (`fields`) and sorting (`sort`) of rows."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sandbox.data.shapes import Row

Tree = dict[str, "Tree | None"]


def projection(fields: Sequence[str] | None) -> Callable[[Row], Row]:
    """Return the function that keeps the named attributes, dotted or not, and always id, href and @type."""
    if fields is None:
        return lambda row: row
    tree: Tree = {"id": None, "href": None, "@type": None}
    for name in fields:
        if name == "none":
            continue
        node, (*parents, leaf) = tree, name.split(".")
        for parent in parents:
            below = node.setdefault(parent, {})
            if below is None:
                break  # the whole of it is asked for already
            node = below
        else:
            node[leaf] = None
    return lambda row: _kept(row, tree)


def _kept(node: Row, tree: Tree) -> Row:
    found: Row = {}
    for key, below in tree.items():
        value = node.get(key, found)
        if value is found:
            continue
        if below is None:
            found[key] = value
        elif isinstance(value, dict):
            found[key] = _kept(value, below)
        elif isinstance(value, list):
            found[key] = [_kept(item, below) if isinstance(item, dict) else item for item in value]
        else:
            found[key] = value
    return found


def sorted_rows(rows: list[Row], sort: Sequence[tuple[str, bool]]) -> list[Row]:
    """Return the rows sorted; those without the attribute come last in either direction. Stable."""
    for path, descending in reversed(sort):
        keys = path.split(".")
        valued: list[tuple[Any, Row]] = []
        without: list[tuple[Any, Row]] = []
        for row in rows:
            value = _first(row, keys)
            (without if value is None else valued).append((value, row))
        valued.sort(key=lambda pair: _rank(pair[0]), reverse=descending)
        rows = [row for _, row in valued] + [row for _, row in without]
    return rows


def _first(node: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        while isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    while isinstance(node, list):
        node = node[0] if node else None
    return None if isinstance(node, dict) else node


_DIGITS: Final = re.compile(r"(\d+)")


def _rank(value: Any) -> tuple[int, Any]:
    if isinstance(value, str):
        return 1, [(int(part) if part.isdigit() else -1, part) for part in _DIGITS.split(value.lower())]
    return 0, value
