"""What `gateway driver-test` prints: a table of the checks, and sentences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connectors.conformance import CHECKS, Result
from connectors.errors import ConnectorError
from gateway.commands.hints import what_it_says

_WIDTH: Final = 130
"""Columns that the table needs; less would break every heading into pieces."""


def show(
    title: str,
    results: Sequence[Result],
    console: Console,
    *,
    reasons: bool = False,
    checks: Mapping[str, str] = CHECKS,
    advise: Callable[[ConnectorError], str] | None = None,
) -> None:
    """Print the table (a line for each method, a column for each of `checks`), then each failure in a sentence.

    The column `calls` has the requests for one key and for many; `sent` and `ms` are the requests and
    the time of all checks of the line. `advise` says what to do about a failure of the system.
    """
    if console.width < _WIDTH:
        console = Console(file=console.file, width=_WIDTH, highlight=False, force_terminal=console.is_terminal)
    console.print(table(title, results, checks))
    for one in results:
        if one.mark == "failed":
            place = f"{one.method}, {one.check}: "
            console.print(Text.assemble((place, "bold red"), one.reason), soft_wrap=True)
    met = [one.error for one in results if one.error is not None] if advise else []
    for advice in dict.fromkeys(" ".join(filter(None, [what_it_says(one), advise(one)])) for one in met if advise):
        console.print(Text(advice, style="bold yellow"), soft_wrap=True)
    skipped = dict.fromkeys(one.reason for one in results if one.mark == "skipped")
    for reason in skipped:
        places = [f"{one.method} {one.check}" for one in results if one.mark == "skipped" and one.reason == reason]
        more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
        console.print(Text(f"not checked: {places[0]}{more}: {reason}", style="dim"), soft_wrap=True)
    if reasons:
        for check, about in checks.items():
            console.print(Text(f"{check}: {about}", style="dim"), soft_wrap=True)
        for one in results:
            if one.mark == "passed" and one.reason:
                console.print(Text(f"{one.method}, {one.check}: {one.reason}", style="dim"), soft_wrap=True)
    counts = {mark: sum(one.mark == mark for one in results) for mark in ("passed", "failed", "skipped")}
    console.print(Text(", ".join(f"{count} {mark}" for mark, count in counts.items()) + "."))


def table(title: str, results: Sequence[Result], checks: Mapping[str, str] = CHECKS) -> Table:
    """Methods down, checks across."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, padding=0, title=title, title_justify="left")
    drawn.add_column("method", no_wrap=True)
    for check in checks:
        drawn.add_column(check, no_wrap=True)
    drawn.add_column("sent", justify="right", no_wrap=True)
    drawn.add_column("ms", justify="right", no_wrap=True)
    for method in dict.fromkeys(one.method for one in results):
        own = {one.check: one for one in results if one.method == method}
        cells = [_cell(own[check]) if check in own else Text("") for check in checks]
        spent = sum(one.calls for one in own.values()), sum(one.ms for one in own.values())
        drawn.add_row(Text(method), *cells, str(spent[0]), f"{spent[1]:.0f}")
    return drawn


def _cell(result: Result) -> Text:
    word = {"passed": "ok", "failed": "FAIL", "skipped": "-"}[result.mark]
    style = {"passed": "green", "failed": "bold red", "skipped": "dim"}[result.mark]
    return Text(
        f"{result.cost} {word}" if result.cost and result.mark == "failed" else result.cost or word, style=style
    )
