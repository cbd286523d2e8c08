"""`gateway check` tries the collector that traces and metrics are sent to, with messages that say nothing."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.commands.check_collector import collected
from gateway.commands.findings import Finding
from gateway.telemetry_settings import TelemetrySettings
from tests.connectors.canned import canned
from tests.gateway.commands.running import free_ports
from tests.gateway.telemetry.collector import collecting


async def found(endpoint: str, **more: Any) -> Finding:
    async with aiohttp.ClientSession() as session:
        return await collected(TelemetrySettings.model_validate({"endpoint": endpoint, **more}), session)


@pytest.mark.parametrize(
    ("more", "note"),
    [({}, "takes traces and metrics"), ({"metrics": False}, "takes traces"), ({"traces": False}, "takes metrics")],
)
async def test_it_takes_what_is_sent(more: dict[str, Any], note: str) -> None:
    with collecting() as collector:
        line = await found(collector.endpoint, headers="authorization=Bearer%20abc", **more)
    assert (line.reach, line.credentials, line.read, line.note) == ("ok", "-", "ok", note)
    assert {one["authorization"] for one in collector.headers} == {"Bearer abc"}
    assert (collector.spans, collector.metrics, set(collector.bodies)) == ([], {}, {b""})


@pytest.mark.parametrize(
    ("refused", "status", "marks", "says"),
    [
        ("traces", 401, ("ok", "FAILED", "-"), "check telemetry.headers_file."),
        ("metrics", 404, ("ok", "-", "FAILED"), "If it takes no metrics, set telemetry.metrics = false."),
    ],
)
async def test_what_it_does_not_take_is_said(refused: str, status: int, marks: tuple[str, str, str], says: str) -> None:
    async def refuses(request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with canned(**{"traces": "", "metrics": "", refused: refuses}) as upstream:
        line = await found(upstream.url)
    assert (line.reach, line.credentials, line.read) == marks
    assert line.detail == f"/v1/{refused}: {status}"
    assert line.hint.endswith(says)


async def test_one_that_is_away_is_a_failure_that_names_the_setting() -> None:
    line = await found(f"http://127.0.0.1:{free_ports(1)}")
    assert (line.reach, line.is_good) == ("FAILED", False)
    assert "telemetry.endpoint" in line.hint
