"""Where the gateway's CPU time goes under the benchmark's load: functions by their own time.

    .venv/bin/python -m benchmarks.own_time portal [--requests N] [--top N]

How it is found out: see `benchmarks.profiled`.
"""

import argparse
import signal
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.contestants import running
from benchmarks.measuring import loading
from benchmarks.processes import ROOT
from benchmarks.profiled import Place, Samples
from benchmarks.works import WORKS

_FOLDERS: Final = (f"{sysconfig.get_paths()['purelib']}/", f"{sysconfig.get_paths()['stdlib']}/", f"{ROOT}/")


def profiled(name: str, requests: int | None, top: int) -> None:
    """Ask a work so many times, 16 at once, and print the functions with the most own time, per request."""
    work = next(one for one in WORKS if one.name == name)
    requests = requests or work.requests
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        with running(Path(folder), ["gateway"], profile) as field, loading() as load:
            load.measure(field, "gateway", work, requests // 2)
            field.contestants["gateway"].tell(signal.SIGUSR1)
            figures = load.measure(field, "gateway", work, requests)
            field.contestants["gateway"].stop(signal.SIGINT)
        samples = msgspec.json.decode(profile.read_bytes(), type=Samples)
    microseconds = figures.cpu_ms * 1000 / samples.count
    whole = dict(samples.all)
    print(f"{work.title}: {figures.cpu_ms:.2f} ms CPU per request, {requests} requests, {samples.count:,} samples")
    print(f"{'own us':>8} {'own %':>6} {'all us':>8}  function (per request)")
    for place, count in sorted(samples.own, key=lambda one: -one[1])[:top]:
        _, line, function = place
        figure = f"{count * microseconds:8.0f} {count / samples.count:6.1%} {whole[place] * microseconds:8.0f}"
        print(f"{figure}  {_short(place)}:{line} {function}")
    packages: Counter[str] = Counter()
    for place, count in samples.own:
        packages[_short(place).split("/")[0]] += count
    said = (f"{name} {count * microseconds:,.0f}" for name, count in packages.most_common(15))
    print(f"own us by package: {', '.join(said)}\n")


def _short(place: Place) -> str:
    """The file, without the folder of its package."""
    return next((place[0].removeprefix(one) for one in _FOLDERS if place[0].startswith(one)), place[0])


def main() -> None:
    """Read the command line and profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=[work.name for work in WORKS])
    parser.add_argument("--requests", type=int, help="how many (default: as many as in a round of the benchmark)")
    parser.add_argument("--top", type=int, default=25, help="how many functions (default 25)")
    given = parser.parse_args()
    profiled(given.work, given.requests, given.top)


if __name__ == "__main__":
    main()
