"""Whether the gateway became dearer, in instructions: beside another commit, counted by valgrind's callgrind.

    .venv/bin/python -m benchmarks.instructions BASE [--only WORK ...] [--users N]

On a shared machine CPU time differs by tens of percent from one minute to the next, so that `benchmarks.compared`
often cannot decide about 3 %. The instructions of the same work differ by some tenths of a percent. They leave out the
kernel, and that some take longer than others: where the two say different things, CPU time is what operators pay.

Both gateways are started once, under valgrind, and asked each work after another 300 times, or 40. Ends with 1 where a
work takes more than 3 % more instructions, with 2 where nothing could be counted. Needs valgrind (`apt-get install
valgrind`). Some ten minutes; other programs do not disturb it.
"""

import argparse
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.checkout import NotBuilt, checked_out
from benchmarks.compared import ALLOWED, NAMES
from benchmarks.contestants import Field, running
from benchmarks.measuring import Load, Unequal, agree, loading
from benchmarks.processes import NotStarted
from benchmarks.works import WORKS, Work

_SMALL: Final = 300
_OTHER: Final = 40
_TOTAL: Final = re.compile(r"^totals: (\d+)$", re.MULTILINE)


class NotCounted(Exception):
    """There is no valgrind, or it wrote nothing; the text says which."""


def _told(option: Sequence[str], pid: int) -> None:
    subprocess.run(("callgrind_control", *option, str(pid)), check=True, capture_output=True)  # noqa: S603, S607  # ours, and valgrind's


def _dumped(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}.callgrind.*"), key=lambda one: int(one.suffix[1:]))


def counted(folder: Path, field: Field, load: Load, name: str, work: Work, users: int) -> float:
    """Instructions of one request. Raises NotCounted, Unequal."""
    requests = _SMALL if work.name == "typename" else _OTHER
    load.measure(field, name, work, requests, users)
    pid, before = field.contestants[name].pid, len(_dumped(folder, name))
    _told(("-i", "on"), pid)
    load.measure(field, name, work, requests, users)
    _told(("-d",), pid)
    _told(("-i", "off"), pid)
    dumped = _dumped(folder, name)
    found = _TOTAL.search(dumped[before].read_text()) if len(dumped) > before else None
    if found is None:
        raise NotCounted(f"callgrind wrote no total of {work.title}")
    return int(found[1]) / requests


def show(found: dict[str, dict[str, float]], revision: str, console: Console) -> int:
    """Print the table. The exit code: 1 where a work takes more than is allowed."""
    table = Table(
        "work", f"{revision}, thousands", "this tree, thousands", "ratio", f"more than {ALLOWED - 1:.0%} worse?"
    )
    worse = False
    for title, one in found.items():
        ratio = one["gateway"] / one["base"]
        worse = worse or ratio > ALLOWED
        table.add_row(
            title, *(f"{one[name] / 1000:,.0f}" for name in ("base", "gateway")), f"{ratio:.3f}",
            "yes" if ratio > ALLOWED else "no",
        )  # fmt: skip
    console.print(table)
    return int(worse)


def main() -> None:
    """Read the command line, count, and decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", metavar="BASE", help="the commit to compare with")
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS], metavar="WORK")
    parser.add_argument("--users", type=int, default=1, help="how many ask at once; default 1")
    given = parser.parse_args()
    console = Console(width=120, highlight=False)
    found: dict[str, dict[str, float]] = {}
    try:
        if shutil.which("valgrind") is None:
            raise NotCounted("valgrind is not here: install it (apt-get install valgrind)")
        with checked_out(given.base) as base, tempfile.TemporaryDirectory() as at, loading() as load:
            folder = Path(at)
            with running(folder, NAMES, base=base, counted_in=folder) as field:
                for work in WORKS:
                    if given.only and work.name not in given.only:
                        continue
                    console.print(f"[dim]{work.title}[/]")
                    agree(field, work, NAMES)
                    found[work.title] = {name: counted(folder, field, load, name, work, given.users) for name in NAMES}
    except (NotBuilt, NotStarted, NotCounted, Unequal) as failure:
        console.print(f"[red]{failure}[/]")
        raise SystemExit(2) from failure
    raise SystemExit(show(found, given.base, console))


if __name__ == "__main__":
    main()
