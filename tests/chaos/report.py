"""The table and the plot of a run."""

from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.chaos.running import LATEST, Effect, Ran

BACK_WITHIN: Final = 10.0
"""Seconds in which whatever was sick is served again."""

_LONG_ENOUGH: Final = 3.0
"""Seconds of sickness in which calls can be counted by the second."""


def failures(effect: Effect, *, timely: bool) -> list[str]:
    """What broke a promise; `timely`: also what was late, which says nothing where the machine is busy."""
    told = [f"{effect.fault.name}: {one}" for one in effect.wrong]
    if effect.recovery is None or effect.told is None:
        told.append(f"{effect.fault.name}: not all is served again, or told")
    elif timely and effect.recovery > BACK_WITHIN:
        told.append(f"{effect.fault.name}: served {effect.recovery:.1f} s after it was well")
    if timely and effect.slowest > LATEST + 1:
        told.append(f"{effect.fault.name}: an answer took {effect.slowest:.1f} s")
    if effect.fault.system and effect.well - effect.began >= _LONG_ENOUGH and effect.sick_calls > 3 * effect.calm_calls:
        told.append(f"{effect.fault.name}: {effect.sick_calls:.0f} calls a second, of {effect.calm_calls:.0f} calm")
    return told


def table(ran: Ran) -> str:
    """Numbers for each fault."""
    shown = Table("fault", "reads", "part", "cut", "503", "wrong", "slowest", "p99", "calls/s calm", "sick", "late",
                  "well to served", "told", "clicks", "tries", "codes")  # fmt: skip
    for one in ran.effects:
        took = sorted(asked.took for asked in one.asked)
        shown.add_row(
            one.fault.name,
            str(len(one.asked)),
            *(str(one.count(kind)) for kind in ("part", "cut", "refused")),
            str(len(one.wrong)),
            f"{one.slowest:.2f} s",
            f"{took[len(took) * 99 // 100] if took else 0:.2f} s",
            f"{one.calm_calls:.0f}",
            f"{one.sick_calls:.1f}",
            f"{one.late_calls:.1f}",
            "never" if one.recovery is None else f"{one.recovery:.1f} s",
            "never" if one.told is None else f"{one.told:.1f} s",
            str(one.clicks),
            str(one.tries),
            " ".join(f"{code.removeprefix('UPSTREAM_')} {count}" for code, count in one.codes.most_common(4)),
        )
    console = Console(width=200, record=True)
    console.print(shown)
    return console.export_text()


def plot(ran: Ran, path: Path) -> None:
    """What was answered and what was called, second by second."""
    import matplotlib  # takes a second, and only the long forms need it

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (answers, calls, times) = pyplot.subplots(3, 1, sharex=True, figsize=(18, 10), constrained_layout=True)
    for kind, colour in (("whole", "tab:green"), ("part", "tab:orange"), ("refused", "tab:purple"), ("cut", "tab:red")):
        counted = Counter(int(one.ended - ran.began) for one in ran.asked if one.kind == kind)
        seconds = range(max(counted, default=0) + 1)
        answers.plot(list(seconds), [counted[one] for one in seconds], label=kind, color=colour)
    answers.set_ylabel("answers a second")
    for system in ran.samples[0][1]:
        both = zip(ran.samples, ran.samples[1:], strict=False)
        points = [(t1 - ran.began, (c1[system] - c0[system]) / (t1 - t0)) for (t0, c0), (t1, c1) in both]
        calls.plot(*zip(*points, strict=True), label=system, linewidth=0.8)
    calls.set_ylabel("upstream calls a second")
    times.scatter([one.due - ran.began for one in ran.asked], [one.took for one in ran.asked], s=2)
    times.axhline(LATEST, color="tab:red", linewidth=0.8)
    times.set_ylabel("seconds to an answer")
    times.set_xlabel("seconds")
    for effect in ran.effects[1:]:
        for one in (answers, calls, times):
            one.axvspan(effect.began - ran.began, effect.well - ran.began, color="0.9", zorder=0)
        answers.text(effect.began - ran.began, answers.get_ylim()[1], effect.fault.name, rotation=60, fontsize=7)
    answers.legend(loc="upper left", fontsize=7)
    calls.legend(loc="upper left", fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
