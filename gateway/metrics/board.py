"""The Grafana board, made from the catalogue: rows of panels, each with expressions."""

import json
from typing import Any, Final, NamedTuple

from gateway.metrics import catalogue as c
from gateway.metrics.promql import highest, mean, per_second, quantile, share, total


class Panel(NamedTuple):
    """A graph: what it shows, in which unit of Grafana's, and its expressions with their legends."""

    title: str
    unit: str
    shown: tuple[tuple[str, str], ...]


_NAME, _CALLER = "graphql.operation.name", "caller"
_OF_NAME, _OF_SYSTEM, _OF_CALL = "{{graphql_operation_name}}", "{{system}}", "{{system}}.{{operation}}"

ROWS: Final[tuple[tuple[str, tuple[Panel, ...]], ...]] = (
    (
        "Requests",
        (
            Panel(
                "Requests by status",
                "reqps",
                ((per_second(c.REQUEST_DURATION, "http.response.status_code"), "{{http_response_status_code}}"),),
            ),
            Panel(
                "Duration of requests",
                "s",
                tuple((quantile(q, c.REQUEST_DURATION), f"p{q * 100:.0f}") for q in (0.5, 0.95, 0.99)),
            ),
            Panel("Operations by caller", "reqps", ((per_second(c.OPERATION_DURATION, _CALLER), "{{caller}}"),)),
            Panel("Operations by name", "reqps", ((per_second(c.OPERATION_DURATION, _NAME), _OF_NAME),)),
            Panel("95 % of operations take at most", "s", ((quantile(0.95, c.OPERATION_DURATION, _NAME), _OF_NAME),)),
            Panel("Without waiting for systems", "s", ((quantile(0.95, c.OPERATION_OVERHEAD, _NAME), _OF_NAME),)),
            Panel("Errors by code", "ops", ((per_second(c.OPERATION_ERRORS, "code"), "{{code}}"),)),
            Panel("Errors by operation", "ops", ((per_second(c.OPERATION_ERRORS, _NAME), _OF_NAME),)),
            Panel("Tokens", "ops", ((per_second(c.AUTHENTICATIONS, "result"), "{{result}}"),)),
            Panel("Age of issuers' keys", "s", ((highest(c.KEYS_AGE, "issuer"), "{{issuer}}"),)),
            Panel("Refused for what was spent", "ops", ((per_second(c.RATE_LIMITED, _CALLER), "{{caller}}"),)),
            Panel(
                "Run by",
                "ops",
                (
                    (per_second(c.EXECUTED, "executor"), "{{executor}}"),
                    (per_second(c.FALLBACKS, "reason"), "{{reason}}"),
                ),
            ),
        ),
    ),
    (
        "Systems",
        (
            Panel("Up", "none", ((f"min by (system) ({c.UP.series})", _OF_SYSTEM),)),
            Panel("Calls", "reqps", ((per_second(c.CALLS, "system"), _OF_SYSTEM),)),
            Panel(
                "95 % of calls take at most", "s", ((quantile(0.95, c.CALL_DURATION, "system", "operation"), _OF_CALL),)
            ),
            Panel(
                "Failed calls",
                "ops",
                (
                    (
                        per_second(c.CALL_DURATION, "system", "error.type", where='error_type!=""'),
                        "{{system}} {{error_type}}",
                    ),
                ),
            ),
            Panel(
                "Share of calls that show a fault",
                "percentunit",
                ((share(per_second(c.BROKEN, "system"), per_second(c.CALLS, "system")), _OF_SYSTEM),),
            ),
            Panel(
                "Breakers (1: tried, 2: left in peace)",
                "none",
                ((highest(c.BREAKER, "system", "operation"), _OF_CALL),),
            ),
            Panel(
                "Not sent, repeated, hedged",
                "ops",
                (
                    (per_second(c.REFUSED, "system"), "{{system}} not sent"),
                    (per_second(c.RETRIES, "system"), "{{system}} repeated"),
                    (per_second(c.HEDGES, "system"), "{{system}} hedged"),
                ),
            ),
            Panel(
                "Places taken, and allowed",
                "none",
                (
                    (total(c.UNDER_WAY, "system", "operation"), _OF_CALL),
                    (total(c.LIMIT, "system", "operation"), f"{_OF_CALL} at most"),
                ),
            ),
            Panel("Waiting for a place", "none", ((total(c.WAITING, "system", "operation"), _OF_CALL),)),
            Panel("Keys in a call", "none", ((mean(c.BATCH_SIZE, "system", "operation"), _OF_CALL),)),
            Panel(
                "Share of calls that several requests share",
                "percentunit",
                ((share(per_second(c.SHARED_CALLS, "system"), per_second(c.SHAREABLE_CALLS, "system")), _OF_SYSTEM),),
            ),
            Panel("Bytes read", "Bps", ((f"sum by (system) (rate({c.CALL_BYTES.sum}[5m]))", _OF_SYSTEM),)),
        ),
    ),
    (
        "Kept, and live",
        (
            Panel(
                "Rows that were kept", "ops", ((per_second(c.CACHED_ROWS, "type", "outcome"), "{{type}} {{outcome}}"),)
            ),
            Panel("Documents", "none", ((highest(c.DOCUMENTS), "of the worker with the most"),)),
            Panel("Their size", "bytes", ((highest(c.DOCUMENT_BYTES), "of the worker with the most"),)),
            Panel("Subscriptions", "none", ((total(c.SUBSCRIPTIONS, "transport"), "{{transport}}"),)),
            Panel("Started", "ops", ((per_second(c.STARTED, "transport"), "{{transport}}"),)),
            Panel("Ended", "ops", ((per_second(c.ENDED, "reason"), "{{reason}}"),)),
            Panel(
                "Messages, and skipped ones",
                "ops",
                ((per_second(c.MESSAGES, "transport"), "{{transport}}"), (per_second(c.SKIPPED), "skipped")),
            ),
            Panel("95 % of changes are told within", "s", ((quantile(0.95, c.EVENT_LAG, "domain"), "{{domain}}"),)),
            Panel("Events", "ops", ((per_second(c.EVENTS, "system", "outcome"), "{{system}} {{outcome}}"),)),
            Panel("Connections refused", "ops", ((per_second(c.CONNECTIONS_REFUSED, "reason"), "{{reason}}"),)),
        ),
    ),
    (
        "Workers",
        (
            Panel("CPU", "none", ((per_second(c.CPU), "cores"),)),
            Panel("Redis", "none", ((f"min by (use) ({c.REDIS_UP.series})", "{{use}}"),)),
            Panel("Event loop late by", "s", ((highest(c.LOOP_LAG), "of the latest worker"),)),
            Panel(
                "Requests under way, waiting, allowed",
                "none",
                (
                    (total(c.REQUESTS_UNDER_WAY), "under way"),
                    (total(c.REQUESTS_WAITING), "waiting"),
                    (total(c.REQUESTS_LIMIT), "allowed"),
                ),
            ),
            Panel("Refused for overload", "ops", ((per_second(c.SHED), "refused"),)),
            Panel("Memory", "bytes", ((total(c.MEMORY), "all workers"), (highest(c.MEMORY), "the largest"))),
            Panel(
                "Open descriptors",
                "none",
                (
                    (highest(c.DESCRIPTORS), "of the worker with the most"),
                    (f"min({c.MOST_DESCRIPTORS.series})", "allowed"),
                ),
            ),
            Panel("Versions", "none", ((total(c.BUILD, "version", "python"), "{{version}} on Python {{python}}"),)),
        ),
    ),
)

_WIDTH, _HEIGHT, _ACROSS = 8, 8, 3


def expressions() -> list[str]:
    """All expressions of the board."""
    return [expression for _, panels in ROWS for panel in panels for expression, _ in panel.shown]


def board() -> str:
    """The board as Grafana imports it, with the Prometheus to choose."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS:
        panels.append({"type": "row", "title": title, "id": len(panels) + 1, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": _WIDTH * _ACROSS, "h": 1}})  # fmt: skip
        for number, panel in enumerate(row):
            down, across = divmod(number, _ACROSS)
            panels.append(_graph(panel, len(panels) + 1, across * _WIDTH, top + 1 + down * _HEIGHT))
        top += 1 + -(-len(row) // _ACROSS) * _HEIGHT
    return _text(
        {
            "title": "OptiCom gateway",
            "uid": "opticom-gateway",
            "tags": ["opticom"],
            "schemaVersion": 39,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": [{"name": "prometheus", "type": "datasource", "query": "prometheus"}]},
            "panels": panels,
        }
    )


def _graph(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${prometheus}"}
    return {
        "type": "timeseries",
        "title": panel.title,
        "id": number,
        "datasource": source,
        "gridPos": {"x": x, "y": y, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": source, "expr": expression, "legendFormat": legend}
            for at, (expression, legend) in enumerate(panel.shown)
        ],
    }


def _text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2) + "\n"
