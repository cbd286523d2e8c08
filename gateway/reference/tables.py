"""The tables of the pages: every metric, every alert, every code of an error."""

from gateway.errors import ACTIONS, CODES
from gateway.metrics.alerts import ALERTS, RUNBOOKS
from gateway.metrics.catalogue import CATALOGUE


def metrics() -> str:
    """One row for each metric, and one for each label."""
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
    """One row for each alert, which leads to its runbook."""
    page = RUNBOOKS.removeprefix("docs/")
    rows = ["| alert | when | what to do |", "| --- | --- | --- |"]
    rows += [
        f"| [{one.name}]({page}#{one.name.lower()}) ({one.severity}) | {_plain(one.summary)} For {one.after}."
        f" | {_plain(one.action)} |"
        for one in ALERTS
    ]
    return "\n".join(rows)


def codes() -> str:
    """One row for each code that clients can get."""
    rows = ["| code | what clients are told | what you do |", "| --- | --- | --- |"]
    rows += [f"| `{code}` | {said} | {ACTIONS[code].replace('<', '&lt;')} |" for code, said in CODES.items()]
    return "\n".join(rows)


def _plain(text: str) -> str:
    for name in ("system", "operation", "issuer", "domain", "use"):
        text = text.replace(f"{{{{ $labels.{name} }}}}", f"*{name}*")
    return text
