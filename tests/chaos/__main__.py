"""`make chaos`: all goes wrong under a steady load, one after the other, and the table and plot of what that did."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.chaos.faults import Fault, by_chance, plan
from tests.chaos.report import failures, plot, table
from tests.chaos.running import Chaos, Effect, Ran, run
from tests.chaos.target import running_target
from tests.gateway.commands.running import ROOT

FOLDER: Final = ROOT / "build/chaos"
"""Which git ignores."""


def _say(effect: Effect) -> None:
    told = f"{len(effect.asked)} reads, {effect.count('part')} in part, {len(effect.wrong)} wrong"
    print(f"{effect.fault.name}: {told}, served again after {effect.recovery} s", flush=True)
    for one in [*effect.wrong[:5], *(effect.last if effect.recovery else [])]:
        print(f"    {one[:600]}", flush=True)


async def _run(planned: list[Fault], seconds: float, reads: float, writes: float, policy: str) -> Ran:
    with tempfile.TemporaryDirectory() as folder:
        async with running_target(Path(folder), policy=policy) as target, Chaos(target, reads, writes) as chaos:
            try:
                return await run(chaos, planned, seconds, _say)
            finally:
                FOLDER.mkdir(parents=True, exist_ok=True)
                (FOLDER / "gateway.log").write_text("".join(target.gateway.said), encoding="utf-8")


def main() -> int:
    """Run, print the table, and say what broke a promise. 1 if anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=600.0, help="in all (default: %(default)s)")
    parser.add_argument("--only", default="", help="part of a fault's name")
    parser.add_argument("--reads", type=float, default=25.0, help="a second (default: %(default)s)")
    parser.add_argument("--writes", type=float, default=3.0, help="a second (default: %(default)s)")
    parser.add_argument("--timely", action="store_true", help="also fail for what was late: on a quiet machine")
    parser.add_argument("--policy", default="", help="a line of TOML for [systems.*.policy], such as hedge = true")
    given = parser.parse_args()
    everything = plan(given.seconds) if not given.only else [*plan(float("inf")), *by_chance()]
    planned = [one for one in everything if given.only in one.name]
    ran = asyncio.run(_run(planned, given.seconds, given.reads, given.writes, given.policy))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "table.txt").write_text(table(ran), encoding="utf-8")
    plot(ran, FOLDER / "chaos.png")
    print(f"{FOLDER.relative_to(ROOT)}/chaos.png and table.txt")
    told = [line for effect in ran.effects for line in failures(effect, timely=given.timely)]
    print("\n".join(line[:500] for line in told))
    return int(bool(told))


if __name__ == "__main__":
    sys.exit(main())
