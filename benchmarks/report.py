"""The tables and the plot of a benchmark run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter, NullLocator, StrMethodFormatter
from rich.console import Console
from rich.table import Table

from benchmarks.contestants import TITLES

_ORDER: Final = ("stock", "whole", "peer", "floor", "gateway")
_COLOURS: Final = {"stock": "#8d99ae", "whole": "#8fbf8f", "peer": "#3a7d44", "floor": "#d9a441", "gateway": "#c8102e"}

Found = Mapping[str, Any]


def show(found: Found, console: Console) -> None:
    """Print all tables."""
    works = found["works"]
    names = _names(works)
    console.print(_cpu("CPU ms per request (concurrency 16)", works, names))
    console.print(_cpu("CPU ms per request, one at a time: nothing is shared", _one_by_one(works), names))
    console.print(_upstream(works, names))
    console.print(_slow(works, names, found["latency_ms"]))
    for kind, sizes in found.get("growth", {}).items():
        console.print(_growth(kind, sizes))
    console.print(
        f"Commit {found['commit']}; {found['rounds']} rounds in {found['seconds']} s on {found['cores']} cores;"
        f" others kept them busy for {found['busy_with_others']:.0%} of the time"
    )


def ratios(contestants: Found) -> dict[str, float | None]:
    """The gateway's CPU per request in parts of the others'."""
    cpu = {name: figures["cpu_ms"] for name, figures in contestants.items()}
    others = {name: cpu.get(name) for name in _ORDER[:-1]}
    return {name: cpu["gateway"] / other if other and "gateway" in cpu else None for name, other in others.items()}


def _names(works: Found) -> list[str]:
    known = {name for work in works.values() for name in work["contestants"]}
    return [name for name in _ORDER if name in known]


def _one_by_one(works: Found) -> dict[str, Any]:
    return {
        key: {**work, "contestants": {name: one["one_by_one"] for name, one in work["contestants"].items()}}
        for key, work in works.items()
    }


def _cpu(title: str, works: Found, names: Iterable[str]) -> Table:
    heads = [f"gateway / {TITLES[name]}" for name in _ORDER[:-1]]
    table = _table(title, ["work", "leaves", *map(TITLES.__getitem__, names), *heads])
    for work in works.values():
        figures = work["contestants"]
        cells = [_number(figures[name]["cpu_ms"]) for name in names]
        shares = ["-" if one is None else f"{one:.2f}" for one in ratios(figures).values()]
        table.add_row(work["title"], f"{work['leaves']:,}", *cells, *shares)
    return table


def _upstream(works: Found, names: Iterable[str]) -> Table:
    table = _table("Upstream calls and kB per request (concurrency 16)", ["work", *map(TITLES.__getitem__, names)])
    for work in works.values():
        figures = work["contestants"]
        cells = [f"{figures[name]['calls']:.1f} / {figures[name]['bytes'] / 1000:,.1f}" for name in names]
        table.add_row(work["title"], *cells)
    return table


def _slow(works: Found, names: Iterable[str], latency: int) -> Table:
    title = f"p50 / p99 in ms with a {latency} ms upstream"
    table = _table(title, ["work", "at once", *map(TITLES.__getitem__, names), "gateway's calls"])
    for work in works.values():
        figures = work["contestants"]
        for users in next(iter(figures.values()))["slow"]:
            of_users = {name: figures[name]["slow"][users] for name in names}
            cells = [f"{one['p50_ms']:.0f} / {one['p99_ms']:.0f}" for one in of_users.values()]
            calls = f"{of_users['gateway']['calls']:.1f}" if "gateway" in of_users else "-"
            table.add_row(work["title"], users, *cells, calls)
        table.add_section()
    return table


def _growth(kind: str, sizes: Found) -> Table:
    names = _names(sizes)
    table = _table(
        f"CPU ms per request by {kind}", [kind, "leaves", *map(TITLES.__getitem__, names), "gateway's calls"]
    )
    for size, one in sizes.items():
        figures = one["contestants"]
        calls = f"{figures['gateway']['calls']:.1f}" if "gateway" in figures else "-"
        cells = [_number(figures[name]["cpu_ms"]) for name in names]
        table.add_row(f"{int(size):,}", f"{one['leaves']:,}", *cells, calls)
    return table


def _table(title: str, heads: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left", no_wrap=not at)
    return table


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def plot(found: Found, path: Path) -> None:
    """Four pictures: CPU per work, time by users, and how cost grows by rows and by levels."""
    figure, axes = plt.subplots(2, 2, figsize=(13, 9))
    _bars(axes[0][0], found["works"])
    portal = found["works"].get("portal") or next(iter(found["works"].values()))
    by_users = {
        name: [(int(users), slow["p50_ms"]) for users, slow in portal["contestants"][name]["slow"].items()]
        for name in _names({"": portal})
    }
    _lines(axes[0][1], by_users, f"{portal['title']}: p50 with a {found['latency_ms']} ms upstream", "users at once")
    for axis, kind in zip(axes[1], ("rows", "levels"), strict=True):
        sizes = found.get("growth", {}).get(kind, {})
        by_size = {
            name: [(int(size), one["contestants"][name]["cpu_ms"]) for size, one in sizes.items()]
            for name in _names(sizes)
        }
        _lines(axis, by_size, f"CPU per request by {kind}", kind, scale="log" if kind == "rows" else "linear")
    figure.suptitle(f"OptiCom gateway, commit {found['commit']}: less is better")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _bars(axis: Any, works: Found) -> None:
    names = _names(works)
    width = 0.8 / len(names)
    for at, name in enumerate(names):
        places = [place + at * width for place in range(len(works))]
        heights = [work["contestants"][name]["cpu_ms"] for work in works.values()]
        axis.bar_label(
            axis.bar(places, heights, width, label=TITLES[name], color=_COLOURS[name]),
            labels=list(map(_number, heights)),
            fontsize=7,
        )
    axis.set_yscale("log")
    axis.set_xticks([place + 0.4 - width / 2 for place in range(len(works))])
    axis.set_xticklabels([work["title"].replace(" of ", "\nof ") for work in works.values()], fontsize=8)
    axis.set(title="CPU per request, 16 at once", ylabel="ms")
    axis.legend(fontsize=8)


def _lines(axis: Any, lines: Mapping[str, list[tuple[int, float]]], title: str, label: str, scale: str = "log") -> None:
    for name, points in lines.items():
        axis.plot(*zip(*points, strict=True), marker="o", label=TITLES[name], color=_COLOURS[name])
    axis.set(title=title, xlabel=label, ylabel="ms", xscale=scale, yscale="log")
    axis.set_xticks(sorted({size for points in lines.values() for size, _ in points}))
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=True, alpha=0.3)
    if lines:
        axis.legend(fontsize=8)
    else:
        axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center")
