"""Prometheus' alert rules, made from the catalogue: few, and each with what to do."""

import json
from typing import Final, NamedTuple

from gateway.metrics import catalogue as c
from gateway.metrics.promql import highest, highest_lately, lowest_known, per_second, quantile, share, total


class Alert(NamedTuple):
    """When somebody is told, after how long, how urgently, and what there is to do (docs/telemetry.md)."""

    name: str
    expression: str
    after: str
    severity: str
    summary: str
    action: str


RUNBOOKS: Final = "docs/runbooks.md"
"""The page with a section for each alert, which its annotation `runbook_url` names."""

_FAULTS: Final = 'http_response_status_code=~"5.."'

ALERTS: Final = (
    Alert(
        "GatewayDown", 'up{job="opticom-gateway"} == 0', "1m", "page",
        "Prometheus cannot ask a gateway.",
        "Look whether the process runs, and at the end of its log.",
    ),
    Alert(
        "GatewayFailing",
        share(per_second(c.REQUEST_DURATION, where=_FAULTS), per_second(c.REQUEST_DURATION)) + " > 0.05", "5m", "page",
        "More than 5 % of the requests are answered with 5xx.",
        "The panel of errors by code says which: OVERLOADED, AUTH_UNAVAILABLE, INTERNAL (the log has each by its id).",
    ),
    Alert(
        "GatewayInternalErrors", per_second(c.OPERATION_ERRORS, where='code="INTERNAL"') + " > 0.01", "10m", "ticket",
        "Operations meet unexpected errors.",
        "The log (gateway.errors) has each with its stack and id.",
    ),
    Alert(
        "GatewaySlow", quantile(0.95, c.REQUEST_DURATION) + " > 2", "10m", "ticket",
        "5 % of the requests take more than 2 s.",
        "Compare it with the time without waiting for systems: a slow system, or a busy gateway.",
    ),
    Alert(
        "GatewayOverloaded", per_second(c.SHED) + " > 0", "5m", "page",
        "Requests are refused because the gateway has more to do than it bears.",
        "Add workers or processes; look at operations by name for who asks so much. docs/limits.md",
    ),
    Alert(
        "GatewayLoopLate", highest(c.LOOP_LAG) + " > 0.25", "5m", "ticket",
        "A worker's event loop is late by more than 0.25 s.",
        "The machine is too busy, or one operation too dear: look at operations by duration without waiting.",
    ),
    Alert(
        "SystemDown", lowest_known(c.UP, "system") + " == 0", "2m", "page",
        "The system {{ $labels.system }} does not answer.",
        "gateway check says what is wrong. The others are served meanwhile. docs/resilience.md",
    ),
    Alert(
        "SystemLeftInPeace", highest_lately(c.BREAKER, "system", "operation") + " == 2", "5m", "ticket",
        "{{ $labels.system }}.{{ $labels.operation }} fails too often and is left in peace.",
        "The log (gateway.systems) says why. It is tried again by itself. docs/resilience.md",
    ),
    Alert(
        "SystemSlow", quantile(0.95, c.CALL_DURATION, "system") + " > 1", "10m", "ticket",
        "5 % of the calls to {{ $labels.system }} take more than 1 s.",
        "Ask the system's operator; a trace shows which operation.",
    ),
    Alert(
        "SystemFaulty", share(per_second(c.BROKEN, "system"), per_second(c.CALLS, "system")) + " > 0.1", "5m", "ticket",
        "More than 10 % of the calls to {{ $labels.system }} show a fault of it.",
        "Failed calls by code say which: UPSTREAM_REFUSED are credentials, UPSTREAM_GARBLED another version.",
    ),
    Alert(
        "PlacesTaken", total(c.WAITING, "system") + " > 0", "10m", "ticket",
        "Calls to {{ $labels.system }} wait for a place all the time.",
        "Raise systems.{{ $labels.system }}.concurrency if the system bears it.",
    ),
    Alert(
        "KeysOld", highest(c.KEYS_AGE, "issuer") + " > 7200", "5m", "ticket",
        "The keys of {{ $labels.issuer }} could not be loaded for two hours, or nobody has asked.",
        "The log (gateway.auth) says why. Tokens of new keys are refused meanwhile. docs/identity.md",
    ),
    Alert(
        "TokensRefused",
        share(
            per_second(c.AUTHENTICATIONS, where='result!~"accepted|none|expired"'), per_second(c.AUTHENTICATIONS)
        ) + " > 0.2", "10m", "ticket",
        "More than 20 % of the tokens are refused for another reason than their end.",
        "gateway check --token says what is wrong with one. docs/identity.md",
    ),
    Alert(
        "ChangesLate", quantile(0.95, c.EVENT_LAG, "domain") + " > 60", "10m", "ticket",
        "Clients are told of changes in {{ $labels.domain }} more than a minute late.",
        "Events do not come, and changes are found by asking from time to time: gateway events. docs/live.md",
    ),
    Alert(
        "EventsForged", per_second(c.EVENTS, "system", where='outcome="forged"') + " > 0", "5m", "ticket",
        "Events of {{ $labels.system }} do not prove who sent them.",
        "The secrets on both sides differ, or somebody tries. docs/live.md",
    ),
    Alert(
        "RedisDown", lowest_known(c.REDIS_UP, "use") + " == 0", "1m", "page",
        "Redis takes nothing for {{ $labels.use }}: it is down, full, a replica, or closed to this user.",
        "/readyz/details says why. Without writes nothing is written; all else is slower, or each process's own.",
    ),
    Alert(
        "VersionsDiffer", f"count(count by (version) ({c.BUILD.series})) > 1", "30m", "ticket",
        "Gateways of two versions have run beside each other for half an hour.",
        "A roll-out has stopped half-way: finish it, or go back. docs/operations.md",
    ),
    Alert(
        "DescriptorsRunOut", f"max({c.DESCRIPTORS.series}) > 0.9 * min({c.MOST_DESCRIPTORS.series})", "5m", "page",
        "A worker has opened nearly as many descriptors as it may.",
        "Raise the limit (ulimit -n), or server.limits. docs/limits.md",
    ),
)  # fmt: skip


def rules() -> str:
    """The file of rules."""
    lines = ["# Made by `python -m gateway.reference --write`: change gateway/metrics/alerts.py instead.", "groups:"]
    lines += ["  - name: opticom-gateway", "    rules:"]
    for one in ALERTS:
        lines += [
            f"      - alert: {one.name}",
            f"        expr: {json.dumps(one.expression)}",
            f"        for: {one.after}",
            "        labels:",
            f"          severity: {one.severity}",
            "        annotations:",
            f"          summary: {json.dumps(one.summary)}",
            f"          description: {json.dumps(one.action)}",
            f"          runbook_url: {RUNBOOKS}#{one.name.lower()}",
        ]
    return "\n".join(lines) + "\n"
