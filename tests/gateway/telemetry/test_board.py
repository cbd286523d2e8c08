"""The board and the alert rules: made from the catalogue, parsed by Prometheus' own tool, of metrics that are there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway.errors import ACTIONS, CODES
from gateway.metrics.alerts import ALERTS, RUNBOOKS, rules
from gateway.metrics.board import board, expressions
from gateway.metrics.catalogue import CATALOGUE
from gateway.reference.__main__ import ROOT, made
from gateway.reference.settings_table import keys
from gateway.server_settings import ServerSettings
from tests.gateway.telemetry.page import page_of
from tests.stack import stacked

RUNBOOKS_TEXT = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
QUERIES = [
    line
    for block in re.findall(r"^```promql\n(.*?)^```", RUNBOOKS_TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
ALL = [*expressions(), *(one.expression for one in ALERTS), *QUERIES]
LABELS = re.compile(r"(?:by \(([^)]*)\)|\{([^}]*)\})")


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_what_is_committed_is_what_is_made(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == made()[path], "run python -m gateway.reference --write"


def series(expression: str) -> set[str]:
    """The names of series in an expression, without those of labels."""
    return set(re.findall(r"\b(?:gateway|http|process)_[a-z_]+", LABELS.sub("", expression)))


async def test_every_metric_that_they_name_is_served(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True)) as stack:
        await stack.ask("query Home { me { name bills(first: 1) { nodes { id } } } }", "1001")
        page = await page_of(stack)

    ends = ("", "_bucket", "_count", "_sum")
    served = {f"{family}{end}" for family in page.families for end in ends}
    assert {name for expression in ALL for name in series(expression)} <= served


def test_every_label_that_they_name_is_the_metrics() -> None:
    known = {name: one.label_names for one in CATALOGUE for name in (one.series, one.bucket, one.sum)}
    for expression in ALL:
        has = {label for name in series(expression) for label in known[name]} | {"le", "job", "instance"}
        for by, where in LABELS.findall(expression):
            named = re.findall(r"[a-z_]+(?==|!|~)", where) + [one.strip() for one in by.split(",") if one.strip()]
            assert set(named) <= has, expression


def test_the_board_shows_every_metric() -> None:
    shown = {name for expression in expressions() for name in series(expression)}
    assert [one.name for one in CATALOGUE if not shown & {one.series, one.bucket, one.sum}] == []
    panels = [one for one in json.loads(board())["panels"] if one["type"] != "row"]
    assert [target["expr"] for one in panels for target in one["targets"]] == expressions()


def test_the_rules_are_yaml_with_what_to_do() -> None:
    (group,) = yaml.safe_load(rules())["groups"]
    assert [one["alert"] for one in group["rules"]] == [one.name for one in ALERTS]
    assert all(one["annotations"]["description"] for one in group["rules"])
    assert [one["annotations"]["runbook_url"] for one in group["rules"]] == [
        f"{RUNBOOKS}#{one.name.lower()}" for one in ALERTS
    ]


OTHERS = ["A bad deployment", "How to read a trace"]


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    sections = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", RUNBOOKS_TEXT, re.MULTILINE))
    assert sorted(sections) == sorted([*(one.name for one in ALERTS), *OTHERS])
    for one in ALERTS:
        said = sections[one.name]
        for part in ("**It means**", "**Look first**", "**Do**", "**It ends**", "```promql"):
            assert part in said, f"{one.name} lacks {part}"


def test_whoever_runs_the_gateway_is_told_what_to_do_about_each_code() -> None:
    assert list(ACTIONS) == list(CODES)
    named = {name for said in ACTIONS.values() for name in re.findall(r"Runbook (\w+)", said)}
    assert named <= {one.name for one in ALERTS}


def test_every_setting_is_described() -> None:
    listed = [one for section in keys().values() for one in section]
    assert [one.path for one in listed if not one.does] == []
    assert {one.path for one in listed} >= {
        "systems.<domain>.policy.retries",
        "auth.issuers[].issuer",
        "server.limits.keep_alive",
        "cache.customers.stale",
        "live.sources.<name>.credentials",
    }
    found = {one.path: one for one in listed}
    assert found["graphql.staff_limits.max_calls"].default == "`200`"
    assert found["server.port"].kind == "whole number, >= 1, <= 65535"
    assert found["log.level"].kind == '`"debug"`, `"info"`, `"warning"`, `"error"`'


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)
def test_prometheus_parses_every_expression(tmp_path: Path) -> None:
    asked = [*expressions(), *QUERIES]
    recorded = [{"record": f"board:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": recorded}]}))
    (tmp_path / "alerts.yml").write_text(rules())
    found = subprocess.run(
        ["promtool", "check", "rules", "board.yml", "alerts.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"SUCCESS: {len(recorded)} rules found" in found.stdout


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)
@pytest.mark.parametrize(
    ("name", "series", "values", "summary", "calm", "fires", "over"),
    [
        pytest.param(
            "SystemLeftInPeace", 'gateway_upstream_breaker{system="billing", operation="usage_of_customers"}',
            "0 2 1 1 2 1 1 1 2 1 1 2 1 1 2 1 2 1 1 2 1 2 1 0x40",  # 1: a few calls try it
            "billing.usage_of_customers fails too often and is left in peace.", "5m", "5m15s", "8m",
            id="is tried from time to time",
        ),
        pytest.param(
            "SystemDown", 'gateway_upstream_up{system="billing", pid="1"}',
            "1 0 0 0 0 0 _ _ 0 0 0 0 1x20",  # _: the workers after SIGHUP know nothing yet
            "The system billing does not answer.", "2m", "2m15s", "4m",
            id="workers are replaced",
        ),
    ],
)  # fmt: skip
def test_what_goes_on_fires_though_a_look_misses_it(
    name: str, series: str, values: str, summary: str, calm: str, fires: str, over: str, tmp_path: Path
) -> None:
    (tmp_path / "alerts.yml").write_text(rules())
    (alert,) = (one for one in ALERTS if one.name == name)
    labels = {key: said for key, said in re.findall(r'(\w+)="(\w+)"', series) if key != "pid"}
    fired = {
        "exp_labels": labels | {"severity": alert.severity},
        "exp_annotations": {
            "summary": summary,
            "description": alert.action,
            "runbook_url": f"{RUNBOOKS}#{name.lower()}",
        },
    }
    looks = [
        {"alertname": name, "eval_time": at, "exp_alerts": alerts}
        for at, alerts in ((calm, []), (fires, [fired]), (over, []))
    ]
    tests = [{"interval": "15s", "input_series": [{"series": series, "values": values}], "alert_rule_test": looks}]
    (tmp_path / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["alerts.yml"], "evaluation_interval": "15s", "tests": tests})
    )
    found = subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
