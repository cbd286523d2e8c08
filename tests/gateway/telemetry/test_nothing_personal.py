"""Logs, metrics and spans hold nothing of a person, whatever is asked, and no token."""

import json
import logging
from pathlib import Path

import pytest

from gateway.server_settings import ServerSettings
from gateway.settings import LogSettings
from gateway.telemetry_settings import TelemetrySettings
from gateway.writes_settings import WritesSettings
from tests.conftest import contract
from tests.gateway.telemetry.collector import collecting
from tests.promises.test_contract import ASKED, EXAMPLES, MUTATIONS
from tests.promises.test_scopes import personal
from tests.stack import Stack, stacked


async def walk(stack: Stack) -> str:
    """Ask the contract's documents, its queries also while a system fails, and with a token that is refused.

    Returns what clients were told.
    """
    told = []
    for is_up in (True, False):
        if not is_up:
            stack.systems["billing"].stop()
        for name, (who, variables) in ASKED.items():
            told.append(json.dumps((await stack.ask(contract(name), who, **variables)).body, ensure_ascii=False))
    stack.systems["billing"].start()
    for number, name in enumerate(MUTATIONS):
        given = {**EXAMPLES[name]["variables"]["input"], "idempotencyKey": f"key-{number}-key-{number}-key"}
        answer = await stack.ask(contract(name), "1001", input=given)
        told.append(json.dumps(answer.body, ensure_ascii=False))
    await stack.ask_with("not-a-token-but-secret", contract("PortalHome"))
    await stack.ask("{ nothing }", "1001")
    return "\n".join(told)


async def test_nothing_personal_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with collecting() as collector, caplog.at_level(logging.DEBUG):
        telemetry = TelemetrySettings(endpoint=collector.endpoint, sample=1)
        everything = {"telemetry": telemetry, "log": LogSettings(access=True), "server": ServerSettings(metrics=True)}
        everything["writes"] = WritesSettings(enabled=True)
        async with stacked(tmp_path, customers=60, **everything) as stack:  # type: ignore[arg-type]  # each is of its type
            words = await personal(stack)
            caplog.clear()  # what this test itself asked the systems
            answers = await walk(stack)
            async with stack.session.get(f"{stack.address}/metrics") as answer:
                metrics = await answer.text()
            tokens = [stack.token(who) for who in ("1001", "agent")]
            addresses = [one.url for one in stack.systems.values()]

    logs = "\n".join(
        f"{record.getMessage()} {record.exc_text or ''}"
        for record in caplog.records
        if record.name.startswith("gateway")
    )
    sent = "\n".join(body.decode("utf-8", "replace") for body in collector.bodies)
    assert len(words.findall(answers)) > 100, "there was something to find"
    assert len(logs.splitlines()) > len(ASKED) * 2
    assert len(collector.spans) > len(ASKED) * 2
    written = [
        one
        for name in MUTATIONS
        for key, one in EXAMPLES[name]["variables"]["input"].items()
        if key in ("name", "description", "text", "reason", "paymentMethodToken", "phone")
    ]
    assert len(written) >= 6
    for name, text in (("logs", logs), ("metrics", metrics), ("spans", sent)):
        assert [one for one in written if one in text] == [], name
        assert words.findall(text) == [], name
        for one in (*tokens, *(token.rpartition(".")[2] for token in tokens), "not-a-token-but-secret"):
            assert one not in text, name
    for name, text in (("metrics", metrics), ("spans", sent)):
        assert [one for one in addresses if one in text] == [], name
        assert "Customer:1001" not in text, name
        assert "BILL-1001" not in text, name
