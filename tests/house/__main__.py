"""What the house looks like, counted: rooms, imports between them, circles, long files, names, a customer's id's way.

    .venv/bin/python -m tests.house [--tree DIR] [--json] [--no-way]

A room is a folder of the product (gateway, schema, resolvers, connectors, sandbox) with the Python files in it, those
of its subfolders not included. Tests, benchmarks and what else lies beside the product are told as totals. `--tree`
counts another checkout by the same rules, so that before and after can be compared; the way of a customer's id is
measured there by running it (`tests/house/journey.py` says how), with this interpreter and its packages.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.house.imports import When, arrows, circles_by_time, floors, graph, imports_of
from tests.house.names import defined_twice, referring
from tests.house.source import BESIDE, PRODUCT, Module, modules_of

ROOT: Final = Path(__file__).resolve().parent.parent.parent
LONG: Final = 300
"""Lines above which a file is told."""

Found = dict[str, Any]


def counted(tree: Path, *, way: bool = True) -> Found:
    """Everything about a checkout, as it is printed with `--json`. Raises RuntimeError where the id's way fails."""
    product = modules_of(tree, PRODUCT)
    if not product:
        raise RuntimeError(f"{tree} has none of {', '.join(PRODUCT)}")
    rooms = {module.name: module.room for module in product}
    imports = imports_of(product)
    between = arrows(imports, rooms.__getitem__)
    return {
        "files": len(product),
        "lines": sum(module.lines for module in product),
        "rooms": _rooms(product, between),
        "beside": {package: _size(modules_of(tree, (package,))) for package in BESIDE},
        "arrows": len(between),
        "imports": len(imports),
        "imports_between_rooms": sum(between.values()),
        "floors": floors(graph(between)),
        "parts": {package: _parts(package, product) for package in PRODUCT},
        "circles_of_files": _named(circles_by_time(imports, str)),
        "circles_of_rooms": _named(circles_by_time(imports, rooms.__getitem__)),
        "long_files": {str(module.path): module.lines for module in product if module.lines > LONG},
        "defined_twice": defined_twice(product),
        "referring_docstrings": referring(product),
        "way": _way(tree) if way else None,
    }


def _rooms(product: Sequence[Module], between: Any) -> Found:
    found: Found = {}
    for room in sorted({module.room for module in product}):
        out = {other: count for (one, other), count in sorted(between.items()) if one == room}
        into = {one: count for (one, other), count in sorted(between.items()) if other == room}
        found[room] = _size([module for module in product if module.room == room]) | {"imports": out, "imported": into}
    return found


def _size(modules: Sequence[Module]) -> Found:
    return {"files": len(modules), "lines": sum(module.lines for module in modules)}


def _parts(package: str, product: Sequence[Module]) -> Found:
    """A package seen from its door: each file and each folder right in it is one part."""
    inside = [module for module in product if module.package == package]
    parts = {module.name: ".".join(module.name.split(".")[:2]) for module in inside}
    between = arrows(imports_of(inside), parts.__getitem__)
    needs = graph(between)
    return {"parts": len(set(parts.values())), "arrows": len(between), "floors": floors(needs)}


def _named(circles: dict[When, Any]) -> Found:
    return {when.name.lower(): [list(circle) for circle in found] for when, found in circles.items()}


def _way(tree: Path) -> Found:
    command = (sys.executable, str(Path(__file__).with_name("journey.py")))
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=tree, env=variables, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"the way of a customer's id could not be measured in {tree}:\n{ran.stderr[-2000:]}")
    found: Found = json.loads(ran.stdout)
    return found


def show(found: Found, console: Console) -> None:
    """The same for people."""
    console.print(_room_table(found))
    console.print(f"{found['files']} files, {found['lines']:,} lines in {len(found['rooms'])} rooms")
    console.print(
        f"{found['arrows']} arrows between rooms, by {found['imports_between_rooms']} imports of all "
        f"{found['imports']}; {found['floors']} floors, where the rooms of a circle are on one"
    )
    for package, size in found["beside"].items():
        if size["files"]:
            console.print(f"{package}: {size['files']} files, {size['lines']:,} lines")
    console.print(_part_table(found))
    for what in ("files", "rooms"):
        _show_circles(what, found[f"circles_of_{what}"], console)
    _show_list(f"files over {LONG} lines", [f"{file} {lines}" for file, lines in found["long_files"].items()], console)
    twice = [f"{name}: {', '.join(places)}" for name, places in found["defined_twice"].items()]
    _show_list("public names that are defined more than once", twice, console)
    referring = found["referring_docstrings"]
    count = f"{len(referring['begin'])}, of which {len(referring['only'])} say no more"
    console.print(f"\n[bold]docstrings that begin with a reference (See `X`.)[/]: {count}")
    if found["way"]:
        console.print(_way_table(found["way"]))


def _room_table(found: Found) -> Table:
    table = Table("room", "files", "lines", "imports rooms", "imported by", title="Rooms")
    for room, one in found["rooms"].items():
        sizes = (one["files"], f"{one['lines']:,}", len(one["imports"]), len(one["imported"]))
        table.add_row(room, *map(str, sizes))
    return table


def _part_table(found: Found) -> Table:
    table = Table("package", "parts", "arrows", "floors", title="Files and folders right in a package, as its parts")
    for package, one in found["parts"].items():
        table.add_row(package, *(str(one[key]) for key in ("parts", "arrows", "floors")))
    return table


def _show_circles(what: str, circles: Found, console: Console) -> None:
    kinds = {
        When.LOADED: "",
        When.CALLED: " that only imports inside functions close",
        When.NEVER: " that are there for type checking only",
    }
    for when, kind in kinds.items():
        _show_list(f"circles of {what}{kind}", [", ".join(one) for one in circles[when.name.lower()]], console)


def _show_list(title: str, lines: Sequence[str], console: Console) -> None:
    console.print(f"\n[bold]{title}[/]: {len(lines) or 'none'}")
    for line in lines:
        console.print(f"  {line}", soft_wrap=True)


def _way_table(way: Found) -> Table:
    table = Table(
        "asked as", "functions", "files", "handed the id", "their files", "names of it",
        title="The way of a customer's id to one call for bills",
    )  # fmt: skip
    for who, one in way.items():
        counts = (one["functions"], one["files"], one["handed"], one["handed_files"], len(one["names"]))
        table.add_row(who, *map(str, counts))
    return table


def main() -> None:
    """Read the command line, count, and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.house", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tree", type=Path, default=ROOT, help="the checkout to count (default: this one)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every arrow and every function")
    parser.add_argument("--no-way", dest="way", action="store_false", help="do not run the gateway for the id's way")
    given = parser.parse_args()
    try:
        found = counted(given.tree.resolve(), way=given.way)
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        show(found, Console(highlight=False))


if __name__ == "__main__":
    main()
