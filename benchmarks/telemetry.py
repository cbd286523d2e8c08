"""What telemetry costs: the gateway's CPU per request with all of it on, beside the same gateway with all of it off.

    .venv/bin/python -m benchmarks.telemetry [--rounds N] [--only WORK ...] [--each]

In each round the gateways are started anew over one upstream, and asked in turns, 16 at once. A round's ratio is that
of the cheapest turns, which others on the machine have disturbed least, to that of the gateway with everything off.
`all` is metrics, traces by the default share of requests, and the access log, sent to a collector in this process. With
`--each` each of them is measured alone, too, and traces of every request.

Ends with 1 where `all` surely costs more than 5 %. Only ratios count, so that a busy machine makes the intervals wider.
Linux only.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.compared import REQUESTS, interval
from benchmarks.contestants import running
from benchmarks.measuring import Load, agree, loading
from benchmarks.works import WORKS, Work
from tests.gateway.telemetry.collector import collecting

ALLOWED: Final = 1.05
ROUNDS: Final = 8
TURNS: Final = 8
OFF: Final = "gateway"
AT_ONCE: Final = 16

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


def one_round(
    load: Load, works: Sequence[Work], alike: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str], float]:
    """Ratios of CPU time to the gateway with everything off, by work and variant."""
    names, found = [OFF, *alike], {}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), names, alike=alike) as field:
        for work in works:
            agree(field, work, names)
            for name in names:
                load.measure(field, name, work, work.requests)
        for work in works:
            taken: dict[str, list[float]] = {name: [] for name in names}
            for turn in range(TURNS):
                at = turn % len(names)
                for name in (*names[at:], *names[:at]):
                    requests = 2 * REQUESTS[work.name][AT_ONCE]
                    taken[name].append(load.measure(field, name, work, requests, AT_ONCE).cpu_ms)
            for name in alike:
                found[work.title, name] = min(taken[name]) / min(taken[OFF])
    return found


def main() -> None:
    """Measure, print the table, and decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", default=["typename", "portal"], choices=[one.name for one in WORKS])
    parser.add_argument("--each", action="store_true")
    given = parser.parse_args()
    works = [work for work in WORKS if work.name in given.only]
    ratios: dict[tuple[str, str], list[float]] = {}
    with collecting() as collector, loading() as load:
        for _ in range(given.rounds):
            for task, ratio in one_round(load, works, variants(collector.endpoint, each=given.each)).items():
                ratios.setdefault(task, []).append(ratio)
    table, dear = Table("work", "on", "ratio to off", "95 % interval"), False
    for (title, name), found in ratios.items():
        between = interval(found)
        dear |= name == "all" and between is not None and between[0] > ALLOWED
        table.add_row(title, name, f"{median(found):.3f}", f"{between[0]:.3f} to {between[1]:.3f}" if between else "-")
    Console(width=100).print(table)
    raise SystemExit(int(dear))


if __name__ == "__main__":
    main()
