"""The command line: what every command says about itself, and how mistakes are answered."""

import io
import json
import logging
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gateway import logs
from gateway.settings import LogSettings
from tests.gateway.commands.running import ROOT, InProcess

COMMANDS = ["demo", "serve", "check", "driver-test", "events", "explain", "schema", "token"]


def test_the_command_is_installed() -> None:
    (script,) = entry_points(group="console_scripts", name="gateway")
    assert script.value == "gateway.commands.cli:main"


def test_version(run: InProcess) -> None:
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert declared is not None
    shown = run("--version")
    assert (shown.returncode, shown.stdout) == (0, f"opticom-gateway {declared[1]}\n")


def test_help_lists_every_command(run: InProcess) -> None:
    shown = run("--help")
    assert shown.returncode == 0
    commands = shown.stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in commands.splitlines() if re.match(r"  \w", line)] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_what_it_does(run: InProcess, command: str) -> None:
    shown = run(command, "--help")
    assert shown.returncode == 0
    options = re.findall(r"^  (?:-\w, )?(--[\w-]+)(?: <[^>]+>| OLD)?(.*)$", shown.stdout, re.MULTILINE)
    assert len(options) >= 2
    for option, said in options:
        assert len(said.split()) >= 3, f"{command} {option} has no help"


def test_a_shell_completes_commands_and_options(run: InProcess) -> None:
    """As bash asks, once `gateway --install-completion` has told it to."""

    def completed(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return run(**words, _GATEWAY_COMPLETE="complete_bash").stdout.split()

    assert completed("gateway s") == ["serve", "schema"]
    assert completed("gateway serve --w") == ["--workers"]
    assert "complete -o default -F _gateway_completion gateway" in run(_GATEWAY_COMPLETE="source_bash").stdout


def test_help_is_quick_to_load() -> None:
    """The command line must not load the graph, the web server or a client before it knows what is wanted."""
    code = (
        "import sys, gateway.commands.cli; print([m for m in ('strawberry', 'uvicorn', 'aiohttp') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert loaded.stdout == "[]\n"


def test_wrong_settings_are_lines_and_not_a_stack(run: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[systems.crm]\nurl = "https://crm.example"\nidlist = 1\n', encoding="utf-8")
    for command in ("serve", "check"):
        done = run(command, "--config", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 4
        assert f"{path}: systems.crm.idlist: is not a setting here; there are: url, driver, auth" in done.stderr


def test_serve_refuses_to_start_without_auth(run: InProcess, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = "".join(f'[systems.{name}]\nurl = "http://a"\n' for name in ("crm", "billing", "inventory", "ticketing"))
    path.write_text(text, encoding="utf-8")
    done = run("serve", GATEWAY_CONFIG=str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}: auth: missing: 'gateway serve' does not start without it")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["token", "customer"],
            2,
            "A subscriber's token needs a customer number, e.g. 'gateway token customer 1001'.\n",
        ),
        (["token", "agent", "1001"], 2, "Customer numbers are for subscribers; 'gateway token agent' takes none.\n"),
        (["schema", "--check", "--write"], 2, "Choose one of --check, --write and --diff.\n"),
        (["token", "agent", "--port", "7"], 1, "No demo is running on port 7: start one with 'gateway demo'.\n"),
    ],
)
def test_mistakes_are_one_sentence(run: InProcess, arguments: list[str], code: int, said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def logged(settings: LogSettings, monkeypatch: pytest.MonkeyPatch) -> str:
    """What two records become."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        logs.configure(settings)
        logging.getLogger("gateway.systems").warning("%s is lost: %s", "crm", "no\nroute")
        logging.getLogger("gateway.systems").info("not told")
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.getLogger("gateway.errors").exception("Unexpected")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    return stream.getvalue()


def test_logs_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    text = logged(LogSettings(level="warning"), monkeypatch)
    assert re.match(r"\d\d:\d\d:\d\d WARNING gateway\.systems: crm is lost: no\nroute\n", text)
    assert "not told" not in text
    assert text.endswith("ValueError: wrong\n")


def test_logs_for_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.loads(line) for line in logged(LogSettings(level="warning", format="json"), monkeypatch).splitlines()]
    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("warning", "gateway.systems", "crm is lost: no\nroute"),
        ("error", "gateway.errors", "Unexpected"),
    ]
    assert all(line["time"].endswith("Z") for line in lines)
    assert lines[1]["exception"].endswith("ValueError: wrong")
