"""What `gateway check` finds: a line of its table each, and how they are printed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

Mark = Literal["ok", "FAILED", "-", "?"]

_WIDE: Final = 200
"""Columns where nobody looks at a terminal, so that nothing is folded that a program or a log reads."""

_LOOKS: Final = {
    "ticket_opened_with": "openTicket",
    "has_note": "addTicketNote",
    "payment_made_with": "payBill",
}
"""Methods that find out after a lost answer what became of a write, and the mutation that it is of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. `latency_ms` is the read's; `hint` is empty when all is well.

    `-` is what was not tried, `?` what cannot be found out from here: nothing is wrong, and nothing is proved. `detail`
    is what exactly happened, for the person who runs the check. `unsupported` is what the product cannot give, and
    `unwritable` which mutations it does not take, with the reasons: nothing to repair. Nor is a `note`, which says more
    about a line that is well. `notices` are what is odd about the system's answers.
    """

    name: str
    driver: str
    address: str
    reach: Mark = "-"
    credentials: Mark = "-"
    read: Mark = "-"
    latency_ms: float | None = None
    detail: str = ""
    hint: str = ""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    unwritable: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    notices: Sequence[str] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return "FAILED" not in (self.reach, self.credentials, self.read)

    @property
    def is_unknown(self) -> bool:
        """Whether something could not be found out, and nothing failed."""
        return self.is_good and "?" in (self.reach, self.credentials, self.read)


def to_json(findings: Sequence[Finding]) -> str:
    """For programs: whether all is well, and what was found, with the names of `Finding`."""
    found = [{**asdict(one), "is_good": one.is_good} for one in findings]
    is_good = all(one.is_good for one in findings)
    return orjson.dumps({"is_good": is_good, "findings": found}, option=orjson.OPT_INDENT_2).decode()


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the table, then for each line that failed what happened and what to do."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDE)
    table = Table("system", "driver", "address", "reach", "credentials", "read", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("ms", justify="right")
    table.columns[2].overflow = "fold"
    for one in findings:
        latency = "" if one.latency_ms is None else f"{one.latency_ms:.0f}"
        marks: list[RenderableType] = [_coloured(mark) for mark in (one.reach, one.credentials, one.read)]
        table.add_row(Text(one.name), Text(one.driver), Text(one.address), *marks, latency)
    console.print(table)
    for one in findings:
        if not one.is_good or one.is_unknown:
            style = "bold yellow" if one.is_unknown else "bold red"
            console.print(Text.assemble((f"{one.name}: ", style), f"{one.detail}. {one.hint}"), soft_wrap=True)
        if one.note:
            console.print(Text(f"{one.name}: {one.note}.", style="dim"), soft_wrap=True)
        for notice in one.notices:
            console.print(Text.assemble((f"{one.name}: ", "yellow"), f"{notice}."), soft_wrap=True)
        for what, why in one.unsupported.items():
            named = f"what became of {_LOOKS[what]} when its answer is lost" if what in _LOOKS else what
            console.print(Text(f"{one.name}: {one.driver} does not give {named}: {why}", style="dim"), soft_wrap=True)
        for what, why in one.unwritable.items():
            console.print(Text(f"{one.name}: {one.driver} does not take {what}: {why}", style="dim"), soft_wrap=True)
    wrong, unknown = sum(not one.is_good for one in findings), sum(one.is_unknown for one in findings)
    said = f"{wrong} of {len(findings)} need attention." if wrong else "All is well."
    console.print(Text(said + (f" {unknown} could not be found out." if unknown else "")))


def _coloured(mark: Mark) -> Text:
    return Text(mark, style={"ok": "green", "FAILED": "bold red", "-": "dim", "?": "yellow"}[mark])
