"""The command line, run inside the test."""

from pathlib import Path

import pytest

from tests.gateway.commands.running import InProcess


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> InProcess:
    return InProcess(monkeypatch, capsys, tmp_path)
