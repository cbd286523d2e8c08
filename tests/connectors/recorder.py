"""Records the products' answers anew, for the tests that replay them: `make record`.

    .venv/bin/python -m tests.connectors.recorder [PRODUCT ...]

`acceptance.products` says where they run; what was started for it is stopped afterwards. Each product's own tests and
the conformance suite ask it, and what it answers is the new recording: kept only when they pass with it and nothing in
it looks like a secret (`secrets_in`).
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from acceptance.live_outages import PRODUCTS_OF_OUTAGES
from acceptance.products import PRODUCTS, Unfit, live, scripts_folder

ROOT: Final = Path(__file__).parents[2]
RECORDINGS: Final = Path(__file__).parent / "recordings"
RECORDED: Final = tuple(name for name in PRODUCTS if name not in ("openwisp", "redmine"))
"""The others' own tests ask small servers; how the suite is recorded of them, docs/live-systems.md says."""

_SECRETS: Final[Mapping[str, re.Pattern[str]]] = {
    "a key or a hash of 32 or more hex digits": re.compile(r"(?<![0-9a-zA-Z])[0-9a-f]{32,}(?![0-9a-zA-Z])"),
    "a token of BottleCRM": re.compile(r"bcrm_pat_[\w-]+"),
    "a JSON web token": re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
    "an Authorization header": re.compile(r"\b(?:Bearer|Basic|Token|token) (?=\S*\d)[\w+/=.-]{8,}"),
    "a token of a form": re.compile(r"(?i)csrfmiddlewaretoken|authenticity_token|__RequestVerificationToken"),
    "a cookie": re.compile(r"(?i)set-cookie|\b(?:RT_SID\w*|session_?id|csrf_?token)[\w.]*=\w+"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}
_SECRET_NAMES: Final = re.compile(r"(?i)^(?:.*[_-])?(?:password|passwd|secret|token|cookie|authorization|api_?key)s?$")


def secrets_in(recording: str, known: Sequence[str] = ()) -> list[str]:
    """What in a recording (JSON) looks like a secret, without the secret. `known` are those of the running systems."""
    found = [name for name, pattern in _SECRETS.items() if pattern.search(recording)]
    found += ["the token that it was recorded with" for secret in known if secret and secret in recording]
    return found + [f"a value of {name!r}" for name, value in _named(json.loads(recording)) if _is_telling(value)]


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if _SECRET_NAMES.match(name):
                yield name, inner
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


def _is_telling(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def tests_of(name: str) -> list[str]:
    """The tests that ask a product everything that is recorded of it, as pytest names them."""
    (own,) = (ROOT / "tests/connectors").rglob(f"test_{name}.py")
    suite = f"tests/connectors/conformance/test_conformance.py::test_the_products_conform[{name}]"
    return [str(own.relative_to(ROOT)), suite]


def files_of(name: str) -> list[str]:
    """A product's recordings. The tests of those that monitor ask small servers that keep what is broken."""
    suite = f"conformance_{name}.json"
    return [suite] if name in PRODUCTS_OF_OUTAGES else [f"{name}.json", suite]


def record(name: str, address: str, token: str, recordings: Path = RECORDINGS, authority: str | None = None) -> str:
    """Record one product that runs; what is new. What was there stays where `Unfit` is raised."""
    files = [recordings / file for file in files_of(name)]
    before = {file: file.read_bytes() for file in files if file.exists()}
    environment = os.environ | {f"LIVE_{name.upper()}": address, f"LIVE_{name.upper()}_TOKEN": token, "RECORD": "1"}
    environment |= {f"LIVE_{name.upper()}_CA": authority} if authority else {}
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
    command += tests_of(name)
    kept = False
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unfit(f"its tests do not pass with what it answers:\n{done.stdout[-3000:]}")
        told = [_news(file, before.get(file, b"{}"), token) for file in files]
        kept = True
    finally:
        for file in files if not kept else ():
            if file in before:
                file.write_bytes(before[file])
            else:
                file.unlink(missing_ok=True)
    return "; ".join(told)


def _news(file: Path, before: bytes, token: str) -> str:
    """What is new in a recording. Raises `Unfit` where it may not be kept."""
    text = file.read_text(encoding="utf-8")
    if found := secrets_in(text, [token]):
        raise Unfit(f"{file.name} would hold {', '.join(sorted(set(found)))}: leave that out where it is recorded")
    now, then = _answers(text), _answers(before)
    changed = sum(now[key] != then.get(key) for key in now)
    gone = len(then.keys() - now.keys())
    return f"{file.name}: {len(now)} answers, {changed} of them new or changed, {gone} gone"


def _answers(recording: str | bytes) -> dict[str, Any]:
    """By question, or by what they are where several questions share one."""
    kept: dict[str, Any] = json.loads(recording)
    answers: dict[str, Any] = kept.get("answers", kept)
    return answers


def recorded(name: str, scripts: Path, console: Console) -> str:
    """Record one product, and start it where nobody says that it runs. Raises `Unfit`."""
    running = live(name, scripts, console)
    try:
        own = {"authority": running.authority} if running.authority else {}
        return record(name, running.address, running.token, **own)
    finally:
        running.stop()


def main() -> None:
    """Read the command line and record. Exit code 1 where a product could not be recorded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("products", nargs="*", metavar="PRODUCT", help=f"which, of {', '.join(RECORDED)}; all of them")
    wanted = parser.parse_args().products or list(RECORDED)
    if unknown := [name for name in wanted if name not in RECORDED]:
        parser.error(f"no such product: {', '.join(unknown)}; there are {', '.join(RECORDED)}")
    scripts = scripts_folder()
    console, failed = Console(soft_wrap=True), False
    for number, name in enumerate(wanted, 1):
        console.print(f"[{number}/{len(wanted)}] {name}: asking it everything that its tests ask ...", markup=False)
        try:
            console.print(f"  [green]recorded[/]: {recorded(name, scripts, console)}")
        except Unfit as why:
            failed = True
            console.print(f"  [red]not recorded[/]: {escape(str(why))}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
