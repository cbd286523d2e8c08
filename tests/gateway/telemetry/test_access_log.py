"""The access log: a line for each operation."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import LogSettings
from tests.stack import stacked

KEY = "k" * 32
HOME = "query Home { me { id bills(first: 1) { nodes { id } } } }"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was written."""
    found = [record.getMessage() for record in caplog.records if record.name == "gateway.access"]
    return [json.loads(line) for text in found for line in text.splitlines()]


async def test_each_operation_has_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gateway.access"):
        async with stacked(tmp_path, customers=4, log=LogSettings(access=True, caller_key=KEY)) as stack:
            headers = stack.headers("1001") | {"X-Request-Id": "abc-1"}
            async with stack.session.post(f"{stack.address}/graphql", json={"query": HOME}, headers=headers) as answer:
                assert answer.headers["X-Request-Id"] == "abc-1"
            await stack.ask(HOME, "1001")
            await stack.ask(HOME, "1002")
            await stack.ask("{ __typename }", None)
            await stack.ask("{ nothing }", "agent")
            assert (await stack.ask_with("nonsense", "{ __typename }")).status == 401
            async with stack.session.ws_connect(
                f"{stack.address}/graphql", protocols=["graphql-transport-ws"]
            ) as socket:
                await socket.send_json(
                    {"type": "connection_init", "payload": {"authorization": f"Bearer {stack.token('1001')}"}}
                )
                assert (await socket.receive_json())["type"] == "connection_ack"
                await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": HOME}})
                assert (await socket.receive_json())["type"] == "next"
            calls = sum(len(one.requests) for one in stack.systems.values())

    first, again, other, stranger, invalid, refused, socket_line = lines(caplog)
    assert first.pop("ms") > 0
    assert first.pop("time").endswith("Z")
    who = first.pop("who")
    assert first == {
        "logger": "gateway.access",
        "request": "abc-1",
        "operation": "Home",
        "type": "query",
        "hash": f"sha256:{hashlib.sha256(HOME.encode()).hexdigest()}",
        "caller": "subscriber",
        "method": "POST",
        "status": 200,
        "calls": first["calls"],
        "codes": [],
        "trace": None,
    }
    assert again["who"] == who != other["who"]
    assert (stranger["caller"], stranger["who"], stranger["operation"]) == ("anonymous", None, "(anonymous)")
    assert (invalid["operation"], invalid["status"], invalid["codes"]) == (None, 200, ["GRAPHQL_VALIDATION_FAILED"])
    assert (refused["status"], refused["codes"], refused["who"]) == (401, ["UNAUTHENTICATED"], None)
    assert (socket_line["method"], socket_line["status"], socket_line["who"]) == (None, None, who)
    assert sum(one["calls"] for one in lines(caplog)) == calls > 0


async def test_it_is_off_by_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gateway.access"):
        async with stacked(tmp_path, customers=4) as stack:
            await stack.ask(HOME, "1001")

    assert lines(caplog) == []
