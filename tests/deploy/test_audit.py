"""`make audit` says what pip-audit found, or that nobody could be asked; never that all is well without asking."""

import subprocess
from typing import Any

import pytest

from deploy import audit

CLEAN = (0, "", "No known vulnerabilities found")
FOUND = (1, "aiohttp 3.1 CVE-2026-1 3.2", "Found 1 known vulnerability in 1 package")
OFFLINE = (1, "", "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.osv.dev', port=443)")
BROKEN = (1, "", "ERROR:pip_audit._cli:Malformed requirement")


@pytest.mark.parametrize(
    ("ended", "code", "said"),
    [
        (CLEAN, 0, "No known vulnerabilities found"),
        (FOUND, 1, "CVE-2026-1"),
        (OFFLINE, 0, "Nothing was audited: no database"),
        (BROKEN, 2, "Malformed requirement"),
    ],
)
def test_it_says_what_it_knows(
    ended: tuple[int, str, str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(command: Any, **_: Any) -> Any:
        assert str(audit.LOCK) in command
        return subprocess.CompletedProcess(command, *ended)

    monkeypatch.setattr(subprocess, "run", run)
    assert audit.main() == code
    out, err = capsys.readouterr()
    assert said in out + err
