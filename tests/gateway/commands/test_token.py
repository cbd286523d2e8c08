"""`gateway token` finds the demo that runs, on whatever port."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.commands.cli import cli
from gateway.commands.demo_keys import DemoKeys, key_path


@contextmanager
def listening() -> Iterator[int]:
    """A port on which something answers, as a demo does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PORT", raising=False)


async def customers_of(port: int, *arguments: str) -> tuple[str, ...]:
    result = CliRunner().invoke(cli, ["token", "customer", "1001", *arguments])
    assert result.exit_code == 0, result.output
    viewer = await DemoKeys.load(key_path(port)).authenticator().viewer(result.stdout.strip())
    return viewer.customer_ids


async def test_the_only_demo_needs_no_port() -> None:
    DemoKeys.create(key_path(1))  # of a demo that was killed: nothing answers there
    with listening() as port:
        DemoKeys.create(key_path(port))
        assert await customers_of(port) == ("1001",)
        assert await customers_of(port, "--port", str(port)) == ("1001",)
        result = CliRunner().invoke(cli, ["token", "agent", "--port", "2"])
        assert (result.exit_code, result.stderr) == (
            1,
            f"No demo is running on port 2, but there is one with --port {port}.\n",
        )


def test_of_several_demos_one_must_be_named() -> None:
    with ExitStack() as stack:
        ports = sorted(stack.enter_context(listening()) for _ in range(2))
        for port in ports:
            DemoKeys.create(key_path(port))
        result = CliRunner().invoke(cli, ["token", "agent"])
    named = ", ".join(f"--port {port}" for port in ports)
    assert (result.exit_code, result.stderr) == (1, f"2 demos are running: say which one with {named}.\n")


def test_without_a_demo_it_says_what_to_do() -> None:
    result = CliRunner().invoke(cli, ["token", "agent"])
    assert (result.exit_code, result.stderr) == (1, "No demo is running: start one with 'gateway demo'.\n")
