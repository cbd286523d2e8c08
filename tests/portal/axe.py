"""axe-core's script, which the set-up of the portal leaves out: installed from the lock file where it is missing."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from web.build import node_paths

PORTAL = Path(__file__).resolve().parents[2] / "portal"


def install_tools() -> None:
    """The tools of those who change the portal (axe, codegen, TypeScript), by one process of the tests for all."""
    folder = os.open(PORTAL, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if (PORTAL / "node_modules" / "axe-core" / "axe.min.js").is_file():
            return
        command = [*map(str, node_paths()), "ci", "--ignore-scripts"]
        npm = subprocess.run(command, cwd=PORTAL, capture_output=True, text=True, timeout=300)
        if npm.returncode and any(sign in npm.stderr for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install axe-core and the portal's tools")
        assert npm.returncode == 0, npm.stdout + npm.stderr
    finally:
        os.close(folder)


def axe() -> str:
    """The script, for `page.evaluate`."""
    install_tools()
    return (PORTAL / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
