"""The files of `deploy/`, and programs that check them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
MADE_BY_THE_OPERATOR = {DEPLOY / "compose" / "gateway.toml", DEPLOY / "compose" / "secrets"}


def tool(name: str) -> str:
    """A program of the virtual environment."""
    return str(Path(sys.executable).with_name(name))


def installed(name: str) -> str | None:
    """A program of the machine, also where only root's PATH has it."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")


def ran(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """A program's end, with what it said."""
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The documents of a YAML file."""
    yield from (one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one)


def tracked() -> list[Path]:
    """What a fresh clone has, with what is to be committed; relative to the root."""
    listed = ran("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    assert listed.returncode == 0, listed.stderr
    return [Path(one) for one in listed.stdout.split("\0") if one and (ROOT / one).is_file()]


def in_the_context(path: Path) -> bool:
    """Whether .dockerignore leaves a file to the image's build. The last line that fits decides, as Docker says."""
    kept = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        wanted = (
            pattern.removeprefix("!").replace("**/", "(?:.*/)?").replace(".", r"\.").replace(r"(?:\.*/)?", "(?:.*/)?")
        )
        if pattern == "*" or re.match(f"{wanted}(?:/|$)", str(path)):
            kept = pattern.startswith("!")
    return kept


def clean_checkout(into: Path, *, context: bool = False) -> Path:
    """A copy of the tree as a fresh clone has it: no pages, no environment. `context`: as the image's build sees it."""
    for one in tracked():
        if not context or in_the_context(one):
            to = into / one
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / one, to)
    return into


def bare(**more: str) -> dict[str, str]:
    """An environment without anything of this one but the way to the registries."""
    way = re.compile(r"(pip|npm)_\w+|https?_proxy|no_proxy|ssl_cert_\w+|node_extra_ca_certs", re.IGNORECASE)
    kept = {name: value for name, value in os.environ.items() if way.fullmatch(name)}
    if (npmrc := Path.home() / ".npmrc").is_file():
        kept.setdefault("NPM_CONFIG_USERCONFIG", str(npmrc))
    return {**kept, "PATH": "/usr/local/bin:/usr/bin:/bin", **more}
