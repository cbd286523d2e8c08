"""A commit beside the working tree, ready to run."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import ROOT

LOCK: Final = "requirements.lock"


class NotBuilt(Exception):
    """There is no such commit, or it could not be made ready; the text says why."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with the project's packages, and the interpreter whose site-packages suit them."""

    folder: Path
    python: Path


@contextmanager
def checked_out(revision: str) -> Iterator[Checkout]:
    """A commit in a temporary folder, removed at the end. Raises NotBuilt.

    It runs on this environment's packages where both lock the same, else on an environment of its own (a minute). The
    browser page is not built: no benchmark asks for it.
    """
    commit = _run("git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "base"
        _run("git", "worktree", "add", "--quiet", "--detach", folder, commit)
        try:
            yield Checkout(folder, _python(folder, Path(temporary) / "venv"))
        finally:
            _run("git", "worktree", "remove", "--force", folder)


def _python(folder: Path, environment: Path) -> Path:
    if (folder / LOCK).read_bytes() == (ROOT / LOCK).read_bytes():
        return Path(sys.executable)
    _run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    _run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "-r", folder / LOCK)
    # Its own name and version, which it looks up; an editable installation builds no pages.
    _run(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps", "--editable", folder)
    return python


def _run(*command: str | Path) -> str:
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # git and Python
    if ran.returncode:
        raise NotBuilt(f"{' '.join(map(str, command))}: {ran.stderr.strip()[-1000:] or 'failed'}")
    return ran.stdout
