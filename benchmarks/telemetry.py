"""What telemetry costs: the gateway's CPU per request with all of it on, beside the same gateway with all of it off.

    .venv/bin/python -m benchmarks.telemetry [--rounds N] [--only WORK ...] [--each]

Both gateways are in one process (`benchmarks.one_process`), which is started anew in each round. They are asked in
turns, 16 at once, in short pairs: a machine's speed changes within seconds. What a gateway took is the CPU time of the
event loop's thread. What it does for many requests at once it does after 500, so that 500 small ones are half a pair;
of larger ones a part of that, some microseconds each, may be on the other's account. The process's other threads send
what was measured: all that they take is on the account of the gateway with telemetry on. A round's ratio is the median
of its pairs' ratios.

`all` is metrics, traces by the default share of requests, and the access log, sent to a collector in this process. With
`--each` each of them is measured alone, too, and traces of every request.

Ends with 1 where `all` surely costs more than 5 %. Only ratios count, so that a busy machine makes the intervals wider.
Linux only.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.compared import interval
from benchmarks.contestants import Field, running
from benchmarks.load import Job
from benchmarks.measuring import Load, Unequal, agree, loading
from benchmarks.one_process import VARIABLE
from benchmarks.processes import Process, free_ports
from benchmarks.works import WORKS, Work
from tests.gateway.telemetry.collector import collecting

ALLOWED: Final = 1.05
ROUNDS: Final = 8
PAIRS: Final = 60
OFF: Final = "off"
AT_ONCE: Final = 16
REQUESTS: Final[Mapping[str, int]] = {"typename": 500, "portal": 80, "dashboard": 20, "rows": 60}
"""How many one half of a pair is: some 0.1 s of CPU time."""

_METRICS: Final = {"GATEWAY_SERVER__METRICS": "true"}
_ACCESS: Final = {"GATEWAY_LOG__ACCESS": "true", "GATEWAY_LOG__FORMAT": "json"}


def variants(endpoint: str, *, each: bool) -> dict[str, dict[str, str]]:
    """What is on, by name, as settings in the environment."""
    sent = {"GATEWAY_TELEMETRY__ENDPOINT": endpoint}
    traces = {**sent, "GATEWAY_TELEMETRY__METRICS": "false"}
    found = {"all": {**_METRICS, **_ACCESS, **sent}}
    if each:
        found |= {"metrics": _METRICS, "access log": _ACCESS, "traces": traces}
        found["every request traced"] = {**traces, "GATEWAY_TELEMETRY__SAMPLE": "1"}
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """One work in one round: microseconds of CPU per request, off and on, and how they compare."""

    off: float
    on: float
    ratio: float


@contextmanager
def beside(field: Field, folder: Path, name: str, on: Mapping[str, str]) -> Iterator[Field]:
    """The gateways with everything off and with this on, in one process."""
    ports = free_ports(2)
    wanted = {OFF: {"port": ports[0], "variables": {}}, name: {"port": ports[1], "variables": on}}
    command = (sys.executable, "-m", "benchmarks.one_process", folder / "gateway.toml")
    both = Process("both", command, ports[1], folder, {VARIABLE: json.dumps(wanted)})
    found = {OFF: _At(both, ports[0]), name: _At(both, ports[1])}
    try:
        for one in found.values():
            one.wait()
        yield replace(field, contestants=found)
    finally:
        both.stop()


class _At(Process):
    """A gateway of a process in which there are several."""

    def __init__(self, process: Process, port: int) -> None:
        self.__dict__.update(process.__dict__)
        self.port = port


def one_round(load: Load, works: Sequence[Work], name: str, on: Mapping[str, str]) -> dict[str, Told]:
    """Both started, checked, warmed and measured. Raises NotStarted, Unequal."""
    found: dict[str, Told] = {}
    with (
        tempfile.TemporaryDirectory() as given,
        running(Path(given), ["gateway"]) as started,
        beside(started, Path(given), name, on) as field,
    ):
        for work in works:
            agree(field, work, [OFF, name])
            for one in (OFF, name):
                load.measure(field, one, work, work.requests)
            found[work.title] = _told(load, field, work, name)
    return found


def _told(load: Load, field: Field, work: Work, name: str) -> Told:
    process, requests, tokens = field.contestants[name], REQUESTS[work.name], list(field.tokens(work))
    taken: dict[str, list[float]] = {OFF: [], name: []}
    others = process.cpu - process.main_cpu
    for pair in range(PAIRS):
        for one in (OFF, name) if pair % 2 else (name, OFF):
            before = process.main_cpu
            job = Job(field.contestants[one].port, "/graphql", [work.body], tokens, requests, AT_ONCE)
            if wrong := load.run(job).wrong:
                raise Unequal(f"{one} did not answer {work.title}: {wrong}")
            taken[one].append(process.main_cpu - before)
    sent = (process.cpu - process.main_cpu - others) / PAIRS
    pairs = [(on + sent, off) for on, off in zip(taken[name], taken[OFF], strict=True)]
    each = 1e6 / requests
    return Told(
        median(off for _, off in pairs) * each, median(on for on, _ in pairs) * each, median(a / b for a, b in pairs)
    )


def main() -> None:
    """Measure, print the table, and decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", default=["typename", "portal"], choices=[one.name for one in WORKS])
    parser.add_argument("--each", action="store_true")
    given = parser.parse_args()
    works = [work for work in WORKS if work.name in given.only]
    rounds: dict[tuple[str, str], list[Told]] = {}
    with collecting() as collector, loading() as load:
        for _ in range(given.rounds):
            for name, on in variants(collector.endpoint, each=given.each).items():
                for title, told in one_round(load, works, name, on).items():
                    rounds.setdefault((title, name), []).append(told)
    table, dear = Table("work", "on", "off, us", "on, us", "ratio to off", "95 % interval"), False
    for (title, name), found in rounds.items():
        between = interval([one.ratio for one in found])
        dear |= name == "all" and between is not None and between[0] > ALLOWED
        microseconds = (f"{median(each):.0f}" for each in ([one.off for one in found], [one.on for one in found]))
        ratio = median(one.ratio for one in found)
        between_text = f"{between[0]:.3f} to {between[1]:.3f}" if between else "-"
        table.add_row(title, name, *microseconds, f"{ratio:.3f}", between_text)
    Console(width=100).print(table)
    raise SystemExit(int(dear))


if __name__ == "__main__":
    main()
