"""The tables of docs/telemetry.md: every metric, and every alert."""

from gateway.metrics.alerts import ALERTS
from gateway.metrics.catalogue import CATALOGUE

BEGIN, END = "<!-- made by python -m gateway.metrics --write: {} -->", "<!-- end -->"


def metrics() -> str:
    """One row for each metric."""
    rows = ["| Prometheus | OpenTelemetry | says | labels |", "| --- | --- | --- | --- |"]
    for one in CATALOGUE:
        name = one.series.removesuffix("_count") if one.kind == "histogram" else one.series
        labels = ", ".join(f"`{label}`" for label in one.label_names) or "-"
        rows.append(f"| `{name}` ({one.kind}) | `{one.name}` | {one.description} | {labels} |")
    values = {name: bound for one in CATALOGUE for name, bound in one.labels.items()}
    rows += ["", "| label | values |", "| --- | --- |"]
    rows += [f"| `{name.replace('.', '_')}` | {bound} |" for name, bound in values.items()]
    return "\n".join(rows)


def alerts() -> str:
    """One row for each alert."""
    rows = ["| alert | when | what to do |", "| --- | --- | --- |"]
    rows += [
        f"| {one.name} ({one.severity}) | {_plain(one.summary)} For {one.after}. | {_plain(one.action)} |"
        for one in ALERTS
    ]
    return "\n".join(rows)


def written_into(page: str) -> str:
    """The page with both tables as they are now, between their marks. Raises ValueError for a page without a mark."""
    for name, table in (("metrics", metrics()), ("alerts", alerts())):
        begin = BEGIN.format(name)
        before, _, rest = page.partition(begin)
        _, mark, after = rest.partition(END)
        if not mark:
            raise ValueError(f"the page lacks {begin}, or {END} after it")
        page = f"{before}{begin}\n\n{table}\n\n{END}{after}"
    return page


def _plain(text: str) -> str:
    for name in ("system", "operation", "issuer", "domain"):
        text = text.replace(f"{{{{ $labels.{name} }}}}", f"*{name}*")
    return text
