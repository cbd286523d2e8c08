"""Starting and stopping, in a thread and as a command."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.request import urlopen

import pytest

from sandbox.data.world import World
from sandbox.server import PortInUse, SandboxServer

CUSTOMER = "/tmf-api/customerManagement/v4/customer"


def test_stop_cuts_connections_frees_the_port_and_start_takes_it_again():
    server = SandboxServer("crm", world=World(customers=2)).start()
    idle = HTTPConnection(server.host, server.port, timeout=10)
    idle.request("GET", f"{CUSTOMER}/1001")
    assert idle.getresponse().read(6) == b'{"id":'
    with socket.create_connection((server.host, server.port)) as hanging:
        hanging.settimeout(10)
        server.switches.hang = True
        hanging.sendall(f"GET {CUSTOMER} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while len(server.requests) < 2:
            with urlopen(f"{server.url}/_sandbox/requests") as answer:
                answer.read()
        server.stop()
        assert hanging.recv(1) == b""
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, server.port))
    server.stop()
    port = server.port
    server.switches.reset()
    with server:
        assert server.port == port
        with urlopen(f"{server.url}{CUSTOMER}/1002") as answer:
            assert answer.status == 200


def test_a_port_in_use_is_named():
    with SandboxServer("crm", world=World(customers=2)) as first:
        second = SandboxServer("billing", world=World(customers=2), port=first.port)
        with pytest.raises(PortInUse, match=rf"cannot listen on 127\.0\.0\.1:{first.port}"):
            second.start()
        with pytest.raises(RuntimeError, match="crm is running at"):
            first.start()


def test_a_world_needs_1001_and_1002():
    with pytest.raises(ValueError, match="customers is 1; at least 2"):
        World(customers=1)


@contextmanager
def _command(*arguments):
    """Run the command; it is told to end when the test is over, however that was."""
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_the_command_starts_one_system_says_so_and_ends_on_ctrl_c():
    with _command("--system", "crm", "--port", "0", "--customers", "100000", "--latency-ms", "1") as process:
        line = process.stdout.readline()
        port = int(re.fullmatch(r"crm ready at http://127\.0\.0\.1:(\d+) with 100000 customers\n", line)[1])
        with urlopen(f"http://127.0.0.1:{port}{CUSTOMER}/101000") as answer:
            assert answer.status == 200
        with _command("--system", "billing", "--port", str(port)) as second:
            assert second.wait(60) == 1
            assert second.stderr.read() == (
                f"billing: cannot listen on 127.0.0.1:{port} (Address already in use); "
                "choose another port or stop what uses it\n"
            )
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


def test_the_command_starts_a_system_in_v5():
    with _command("--system", "crm", "--port", "0", "--customers", "50", "--v5", "crm", "billing") as process:
        port = re.search(r":(\d+) with", process.stdout.readline())[1]
        with urlopen(f"http://127.0.0.1:{port}{CUSTOMER.replace('v4', 'v5')}/1001") as answer:
            assert answer.status == 200


def _free_ports():
    """Return the first of four ports in a row that were free a moment ago."""
    for base in range(20000 + os.getpid() % 20000, 60000, 4):
        with socket.socket() as a, socket.socket() as b, socket.socket() as c, socket.socket() as d:
            try:
                for index, probe in enumerate((a, b, c, d)):
                    probe.bind(("127.0.0.1", base + index))
            except OSError:
                continue
            return base
    raise AssertionError("no four free ports in a row")


@pytest.mark.long
def test_all_four_run_in_processes_of_their_own_and_end_together():
    base = _free_ports()
    with _command("--base-port", str(base), "--customers", "50") as process:
        lines = {process.stdout.readline() for _ in range(4)}
        assert lines == {
            f"{name} ready at http://127.0.0.1:{base + index} with 50 customers\n"
            for index, name in enumerate(("crm", "billing", "inventory", "ticketing"))
        }
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    for index in range(4):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", base + index))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--today", "yesterday"], "'yesterday' is not a date like 2026-11-22, nor now"),
        pytest.param(["--customers", "0"], "customers is 0; at least 2", marks=pytest.mark.long),
        pytest.param(["--port", "9000"], "--port needs --system", marks=pytest.mark.long),
        (["--system", "crm", "--latency-ms", "-1"], "--latency-ms or --jitter-ms: -1.0 is less than 0"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(arguments, says):
    with _command(*arguments) as process:
        assert process.wait(60) == 2
        assert says in process.stderr.read()
