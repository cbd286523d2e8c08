"""`gateway demo`, as a person meets it: what it prints works, and it ends as it should."""

import json
import os
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo_settings import SYSTEMS
from gateway.commands.listening import check_free
from tests.gateway.commands.running import InProcess, Running, free_ports, gateway, running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture
def beside(demo: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> InProcess:
    """Runs commands beside the demo, where its keys are."""
    return InProcess(monkeypatch, capsys, demo.folder)


def pasted(line: str) -> dict[str, Any]:
    """What a printed line answers in a shell."""
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=30, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def ask(demo: Running, token: str, query: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of one question."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{demo.port}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_printed_curl_line_answers_from_all_four_systems(demo: Running) -> None:
    answer = pasted(demo.curl())
    assert "errors" not in answer
    me = answer["data"]["me"]
    assert me["id"] == "Customer:1001"
    assert len(me["accounts"]) == 2
    assert all(account["bills"]["nodes"] for account in me["accounts"])
    assert len(me["services"]["nodes"]) == 4
    assert me["tickets"]["totalCount"] == 1


@pytest.mark.parametrize(
    ("who", "me"), [("subscriber 1001", {"id": "Customer:1001"}), ("agent", None), ("admin", None)]
)
def test_the_printed_tokens_are_accepted(demo: Running, who: str, me: object) -> None:
    assert ask(demo, demo.token_of(who), "{ me { id } }") == (200, {"data": {"me": me}})


@pytest.mark.parametrize(
    ("arguments", "query", "data"),
    [
        (["customer", "1002"], "{ me { id } }", {"me": {"id": "Customer:1002"}}),
        (["agent"], '{ customer(id: "1001") { id } }', {"customer": {"id": "Customer:1001"}}),
        (["admin"], '{ customer(id: "1002") { id } }', {"customer": {"id": "Customer:1002"}}),
    ],
)
def test_token_prints_a_token_that_the_demo_accepts(
    demo: Running, beside: InProcess, arguments: list[str], query: str, data: dict[str, Any]
) -> None:
    printed = beside("token", *arguments, "--port", str(demo.port))
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.count("\n") == 1
    assert ask(demo, printed.stdout.strip(), query) == (200, {"data": data})


def test_another_demos_token_is_refused(demo: Running) -> None:
    from gateway.commands.demo_keys import DemoKeys
    from resolvers.viewer import ViewerKind

    token = DemoKeys.create(demo.folder / "other.pem").token(ViewerKind.ADMIN)
    status, answer = ask(demo, token, "{ me { id } }")
    assert status == 401
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


def test_the_key_is_for_its_owner_only(demo: Running) -> None:
    (key,) = demo.folder.rglob(f"demo-{demo.port}.pem")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_every_system_is_announced_and_answers(demo: Running) -> None:
    for at, system in enumerate(SYSTEMS):
        address = f"http://127.0.0.1:{demo.sandbox_port + at}"
        assert any(address in line and line.endswith(f"kill {demo.pid_of(system)}") for line in demo.lines)
        with urllib.request.urlopen(f"{address}/_sandbox/switches", timeout=10) as answer:
            assert answer.status == 200


def test_check_is_green(demo: Running, beside: InProcess) -> None:
    checked = beside("check", "--sandbox-port", str(demo.sandbox_port))
    said = "This checks the demo on this machine: name your settings with --config.\n"
    assert (checked.returncode, checked.stderr) == (0, said)
    for system in SYSTEMS:
        (line,) = [line for line in checked.stdout.splitlines() if line.split()[:1] == [system]]
        assert line.split()[3:6] == ["ok", "-", "ok"]
    assert "All is well." in checked.stdout


def test_the_gateways_port_in_use_is_one_sentence(demo: Running, beside: InProcess) -> None:
    taken = str(demo.port)
    second = beside("demo", "--sandbox-port", str(free_ports(4)), PORT=taken)
    said = "is in use by another program. Choose another one, e.g. --port 9000 (or PORT=9000 make demo)."
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"Port {taken} on 127.0.0.1 {said}\n"
    assert ask(demo, demo.token_of("agent"), "{ __typename }")[0] == 200, "the first demo's key was lost"


def test_a_systems_port_in_use_is_one_sentence(demo: Running, beside: InProcess) -> None:
    # The last of four: nothing may have been started for the first three.
    ports = str(demo.sandbox_port + 3)
    second = beside("demo", "--sandbox-port", ports, "--port", str(free_ports(1)))
    said = "is in use by another program. Choose other ports for the systems, e.g. --sandbox-port 8201."
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"Port {ports} on 127.0.0.1 {said}\n"


@pytest.mark.long
def test_a_system_that_is_ended_by_hand_costs_its_own_fields_and_ctrl_c_ends_the_rest(
    tmp_path: Path, run: InProcess
) -> None:
    with running_demo(tmp_path) as demo:
        pid = demo.pid_of("billing")
        os.kill(pid, signal.SIGKILL)
        said = demo.read_until("billing has ended")
        assert f"(process {pid}). The gateway goes on without it" in said
        again = demo.read_until("To have it back: ").removeprefix("To have it back: ")
        assert f"-m sandbox --system billing --port {demo.sandbox_port + 1} --customers 20" in again

        answer = pasted(demo.curl())
        assert answer["data"]["me"]["id"] == "Customer:1001"
        assert len(answer["data"]["me"]["services"]["nodes"]) == 4
        assert {error["extensions"]["system"] for error in answer["errors"]} == {"billing"}

        checked = run("check", "--sandbox-port", str(demo.sandbox_port))
        assert checked.returncode == 1
        rows = {line.split()[0]: line.split()[3:6] for line in checked.stdout.splitlines() if "http://127" in line}
        assert rows == {
            "crm": ["ok", "-", "ok"],
            "billing": ["FAILED", "-", "-"],
            "inventory": ["ok", "-", "ok"],
            "ticketing": ["ok", "-", "ok"],
        }
        assert "billing: no connection to 127.0.0.1:" in checked.stdout
        assert "1 of 5 need attention." in checked.stdout
        ends(demo, signal.SIGINT)
        assert not [line for line in demo.lines if "Traceback" in line or ("has ended" in line and line != said)]


def ends(demo: Running, ending: signal.Signals) -> None:
    """The signal ends all that still runs."""
    children = [demo.pid_of(system) for system in SYSTEMS]
    demo.process.send_signal(ending)
    demo.process.send_signal(ending)  # A second one changes nothing.
    demo.read_until("All ended.")
    assert demo.process.wait(timeout=30) == 0
    for port in range(demo.port, demo.port + 5):
        check_free("127.0.0.1", port)
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


@pytest.mark.long
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it(tmp_path: Path, run: InProcess, ending: signal.Signals) -> None:
    with running_demo(tmp_path) as demo, socket.create_connection(("127.0.0.1", demo.port)):
        ends(demo, ending)
        assert not [line for line in demo.lines if "Traceback" in line or "has ended" in line]
        token = run("token", "agent", "--port", str(demo.port))
        assert (token.returncode, token.stdout) == (1, "")
        assert token.stderr.startswith(f"No demo is running on port {demo.port}: start one with 'gateway demo'.")


@pytest.mark.long
def test_a_system_that_does_not_start_is_said_and_the_rest_ended(tmp_path: Path) -> None:
    port = free_ports(5)
    ports = ("--port", str(port), "--sandbox-port", str(port + 1))
    demo = gateway("demo", *ports, "--today", "someday", folder=tmp_path)
    assert demo.returncode == 1
    assert "system did not start:" in demo.stderr
    assert "'someday' is not a date like 2026-11-22, nor now" in demo.stderr
    assert "Traceback" not in demo.stderr
    for one in range(port, port + 5):
        check_free("127.0.0.1", one)
