"""Where the gateway's time goes under the benchmark's load: functions by their own time, from cProfile.

    .venv/bin/python -m benchmarks.own_time portal [--requests N] [--top N]

Figures are too large by what the profiler itself costs, most so for small functions: they show where to look, and
`make bench` shows whether it helped.
"""

import argparse
import pstats
import signal
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.contestants import running
from benchmarks.measuring import loading
from benchmarks.processes import ROOT
from benchmarks.works import WORKS

_SHORTER: Final = (f"{sysconfig.get_paths()['purelib']}/", f"{ROOT}/")


def profiled(name: str, requests: int, top: int) -> None:
    """Ask a work so many times, 16 at once, and print the functions with the most own time, per request."""
    work = next(one for one in WORKS if one.name == name)
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        with running(Path(folder), ["gateway"], profile) as field, loading() as load:
            figures = load.measure(field, "gateway", work, requests)
            field.contestants["gateway"].stop(signal.SIGINT)
        stats = pstats.Stats(str(profile))
    print(f"{work.title}: {figures.cpu_ms:.2f} ms CPU per request under the profiler, {requests} requests")
    print(f"{'own us':>9} {'all us':>9} {'calls':>8}  function (per request)")
    rows = stats.stats.items()  # type: ignore[attr-defined]  # missing in typeshed
    for (file, line, function), (_, calls, own, whole, _) in sorted(rows, key=lambda row: -row[1][2])[:top]:
        place = f"{file}:{line}({function})" if line else function
        for prefix in _SHORTER:
            place = place.removeprefix(prefix)
        per_request = f"{own * 1e6 / requests:9.1f} {whole * 1e6 / requests:9.1f} {calls / requests:8.1f}"
        print(f"{per_request}  {place}")


def main() -> None:
    """Read the command line and profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=[work.name for work in WORKS])
    parser.add_argument("--requests", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--top", type=int, default=25, help="how many functions (default 25)")
    given = parser.parse_args()
    profiled(given.work, given.requests, given.top)


if __name__ == "__main__":
    main()
