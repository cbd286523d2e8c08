"""How much the gateway costs beside what could be used instead, all measured in one run: `make bench`.

    .venv/bin/python -m benchmarks.bench [--quick] [--rounds N] [--only WORK ...] [--without NAME ...] [--no-growth]

Starts an upstream, the gateway, stock Strawberry, a Node peer (Yoga, graphql-jit, DataLoader: once reading whole rows,
as most are written, once asking with `fields=`) and the floor (the same work by hand, without GraphQL), one process
each; checks that their answers are equal; asks them in turn, round by round. Prints CPU milliseconds per request,
upstream calls and bytes, p50 and p99 with a 20 ms upstream, how cost grows, and ratios. Everything is also written to a
folder (--to), with a plot. Ratios count: milliseconds are this machine's.
Linux only. Minutes: 5 to 8, with --quick 1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Final

import orjson
from rich.console import Console

from benchmarks import report
from benchmarks.contestants import NODE, TITLES, Field, NoPeer, install_peer, running
from benchmarks.measuring import Figures, Load, Unequal, agree, loading
from benchmarks.processes import ROOT, NotStarted, machine_cpu
from benchmarks.works import WORKS, Work, levels, rows

LATENCY_MS: Final = 20
USERS: Final = (1, 4, 16, 64)
GROWTH: Final = ("gateway", "peer", "stock")
"""Who is asked how cost grows; the floor is written for the works alone."""

Found = dict[str, Any]


class Run:
    """What was found so far, and how to find more."""

    def __init__(self, field: Field, load: Load, console: Console, share: float) -> None:
        """`share` of the usual number of requests is asked."""
        self._field, self._load, self._console, self._share = field, load, console, share
        self._names = list(field.contestants)

    def works(self, works: Sequence[Work], rounds: int) -> Found:
        """All works by all contestants, round by round, each round beginning with another one."""
        found: Found = {work.name: self._agreed(work, self._names) for work in works}
        figures: dict[tuple[str, str], list[Figures]] = {}
        alone: dict[tuple[str, str], list[Figures]] = {}
        for at in range(rounds + 1):
            self._tell(f"round {at} of {rounds}" if at else "warm-up")
            turn = at % len(self._names)
            for work in works:
                for name in self._names[turn:] + self._names[:turn]:
                    one = self._measure(name, work, work.requests)
                    single = self._measure(name, work, max(20, work.requests // 4), 1)
                    if at:
                        figures.setdefault((work.name, name), []).append(one)
                        alone.setdefault((work.name, name), []).append(single)
        for (work_name, name), of_rounds in figures.items():
            one_by_one = _medians(alone[work_name, name])
            found[work_name]["contestants"][name] = _medians(of_rounds) | {"one_by_one": one_by_one}
        return found

    def slow(self, works: Sequence[Work], found: Found) -> None:
        """The works with a slow upstream, by so many users at once."""
        self._field.slow(LATENCY_MS)
        for work in works:
            for users in USERS:
                self._tell(f"{LATENCY_MS} ms upstream, {work.title}, {users} at once")
                requests = max(users * 2, min(users * 20, work.requests))
                for name in self._names:
                    one = self._measure(name, work, max(requests, 40), users)
                    found[work.name]["contestants"][name].setdefault("slow", {})[str(users)] = asdict(one)
        self._field.slow(0)

    def growth(self, works: Iterable[tuple[int, Work]]) -> Found:
        """CPU per request as the work grows."""
        names, found = [name for name in GROWTH if name in self._names], {}
        for size, work in works:
            self._tell(f"growth: {work.title}")
            agreed = self._agreed(work, names)
            for name in names:
                self._measure(name, work, max(3, work.requests // 10))
                agreed["contestants"][name] = asdict(self._measure(name, work, work.requests))
            found[str(size)] = agreed
        return found

    def _agreed(self, work: Work, names: Sequence[str]) -> Found:
        agreed = agree(self._field, work, names)
        self._tell(f"equal answers: {work.title}, {agreed.leaves:,} leaves, {agreed.size:,} bytes")
        alone = {name: asdict(taken) for name, taken in agreed.taken.items()}
        return {
            "title": work.title,
            "leaves": agreed.leaves,
            "answer_bytes": agreed.size,
            "alone": alone,
            "contestants": {},
        }

    def _measure(self, name: str, work: Work, requests: int, users: int = 16) -> Figures:
        return self._load.measure(self._field, name, work, max(users, int(requests * self._share)), users)

    def _tell(self, what: str) -> None:
        self._console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {what}")


def _medians(figures: Sequence[Figures]) -> Found:
    all_of = {key: [asdict(one)[key] for one in figures] for key in asdict(figures[0])}
    return {key: median(values) for key, values in all_of.items()} | {"cpu_ms_rounds": all_of["cpu_ms"]}


def measured(given: argparse.Namespace, names: Sequence[str], folder: Path, console: Console) -> Found:
    """Everything that was asked for."""
    works = [work for work in WORKS if not given.only or work.name in given.only]
    with running(folder, names) as field, loading() as load:
        run = Run(field, load, console, 0.25 if given.quick else 1.0)
        began, busy, own = time.monotonic(), machine_cpu(), _own_cpu(field, load)
        found: Found = {"works": run.works(works, given.rounds)}
        run.slow(works, found["works"])
        if given.growth:
            found["growth"] = {
                "rows": run.growth((count, rows(count)) for count in (1, 10, 100, 1000, 10_000)),
                "levels": run.growth((depth, levels(depth)) for depth in range(1, 9)),
            }
        seconds = time.monotonic() - began
        others = machine_cpu() - busy - (_own_cpu(field, load) - own)
        cores = os.cpu_count() or 1
        return found | {
            "commit": _commit(),
            "seconds": round(seconds),
            "rounds": given.rounds,
            "latency_ms": LATENCY_MS,
            "cores": cores,
            "busy_with_others": round(max(0.0, others) / seconds / cores, 3),
            "load_average": os.getloadavg(),
        }


def _own_cpu(field: Field, load: Load) -> float:
    servers = sum(one.cpu for one in (field.upstream, *field.contestants.values()))
    return servers + load.cpu + time.process_time()


def _commit() -> str:
    command = ("git", "describe", "--always", "--dirty", "--abbrev=10")
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # fixed
    return said.stdout.strip() or "unknown"


def main() -> None:
    """Read the command line, measure, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [work.name for work in WORKS]
    parser.add_argument("--quick", action="store_true", help="one round, a quarter of the requests, no growth")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the medians are taken (default 5)")
    parser.add_argument("--only", nargs="+", choices=known, metavar="WORK", help=f"only these of {', '.join(known)}")
    parser.add_argument("--without", nargs="+", default=[], choices=list(TITLES)[1:], help="leave these out")
    parser.add_argument("--no-growth", dest="growth", action="store_false", help="do not measure how cost grows")
    parser.add_argument("--to", type=Path, default=ROOT / "benchmarks" / "results", help="folder for JSON and plot")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.growth = 1, False
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    if not sys.platform.startswith("linux"):
        parser.error("CPU time is read from Linux's /proc and clocks: run it there")
    console = Console(width=max(130, Console().width), highlight=False)
    names = [name for name in TITLES if name not in given.without]
    try:
        if NODE.keys() & set(names):
            install_peer()
    except NoPeer as reason:
        console.print(f"[yellow]Without the Node peers: {reason}[/]")
        names = [name for name in names if name not in NODE]
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = measured(given, names, Path(folder), console)
    except (Unequal, NotStarted) as failure:
        console.print(f"[red]{failure}[/]")
        raise SystemExit(1) from failure
    given.to.mkdir(parents=True, exist_ok=True)
    (given.to / "bench.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    report.show(found, console)
    report.plot(found, given.to / "bench.png")
    console.print(f"Written: {given.to / 'bench.json'}, {given.to / 'bench.png'}")


if __name__ == "__main__":
    main()
