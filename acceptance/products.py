"""Where the real products run, for `make live` and `make record`: in the environment, or by their start scripts.

A product that runs already is named by LIVE_<PRODUCT> (its address) and LIVE_<PRODUCT>_TOKEN, such as LIVE_RT and
LIVE_RT_TOKEN. Any other is started by its script in LIVE_SYSTEMS (default ../shared/live).
"""

import base64
import os
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from acceptance.hooks import ENVIRONMENT

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Product:
    """One product: its start script's folder, where that lets it answer, and what stands before its token there."""

    folder: str
    address: str
    scheme: str
    header: str = "Authorization"


PRODUCTS: Final[Mapping[str, Product]] = {
    "nautobot": Product("nautobot", "http://127.0.0.1:18201", "Token"),
    "bottlecrm": Product("djangocrm", "http://127.0.0.1:18204", "Bearer"),
    "tryton": Product("tryton", "http://127.0.0.1:18203", "Bearer"),
    "rt": Product("rt", "http://127.0.0.1:18202", "token"),
    "alertmanager": Product("alertmanager", "http://127.0.0.1:18205", "Basic"),
    "icinga": Product("icinga", "https://localhost:18206", "Basic"),
    "openwisp": Product("radius", "http://127.0.0.1:18207", "Bearer"),
    "redmine": Product("redmine", "http://127.0.0.1:18208", "", header="X-Redmine-API-Key"),
}
"""By the name of the driver, of the test and of the recording; Nautobot first, its first start takes longest."""


_ANYBODY: Final = ssl.create_default_context()
"""Believes every certificate: it is only asked whether anything is there."""
_ANYBODY.check_hostname, _ANYBODY.verify_mode = False, ssl.CERT_NONE


class Unfit(Exception):
    """A product cannot be asked or recorded; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Live:
    """A product that runs: its address without a slash at the end, its token, and the script that ends it.

    `is_given`: the environment names it. `stop_script`: None for what ran before we came. `hook_secret`: what it signs
    webhooks with, where it says so. `authority`: the file with the authority of its certificate, if it has its own.
    """

    address: str
    token: str
    is_given: bool = False
    stop_script: Path | None = None
    hook_secret: str | None = None
    authority: str | None = None

    def stop(self) -> None:
        """End it, if it is ours to end."""
        if self.stop_script:
            subprocess.run([self.stop_script], check=False, capture_output=True)  # noqa: S603  # a script of ours


def scripts_folder() -> Path:
    """Where the start scripts are."""
    return Path(os.environ.get("LIVE_SYSTEMS", ROOT.parent / "shared" / "live"))


def unfit(names: Iterable[str], scripts: Path) -> list[str]:
    """What is missing before any of these products can be asked, a sentence each."""
    problems = []
    for name in names:
        variable = f"LIVE_{name.upper()}"
        if os.environ.get(variable):
            if not os.environ.get(f"{variable}_TOKEN"):
                problems.append(f"{variable} is set and {variable}_TOKEN is not")
        elif not (scripts / PRODUCTS[name].folder / "start.sh").is_file():
            problems.append(
                f"{name} has no start script in {scripts}: set {variable} and {variable}_TOKEN to one that runs, or"
                " LIVE_SYSTEMS to the start scripts"
            )
    return problems


def live(name: str, scripts: Path, console: Console) -> Live:
    """The product where the environment says that it runs, or started. Raises `Unfit`."""
    if problems := unfit([name], scripts):
        raise Unfit(problems[0])
    product, variable = PRODUCTS[name], f"LIVE_{name.upper()}"
    if address := os.environ.get(variable, "").rstrip("/"):
        return Live(address, os.environ[f"{variable}_TOKEN"], True, authority=os.environ.get(f"{variable}_CA"))
    folder = scripts / product.folder
    stop_script = None if answers(product.address) else folder / "stop.sh"
    if stop_script:
        console.print(f"  starting {folder} (the first time this takes minutes) ...")
    try:
        token, hook_secret, authority = _started(product, scripts)
        return Live(product.address, token, False, stop_script, hook_secret, authority)
    except Unfit:
        Live(product.address, "", stop_script=stop_script).stop()
        raise


def answers(address: str) -> bool:
    """Whether anything speaks HTTP there."""
    try:
        urllib.request.urlopen(address, timeout=5, context=_ANYBODY).close()  # noqa: S310  # an address of ours
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _started(product: Product, scripts: Path) -> tuple[str, str | None, str | None]:
    """Run the start script, which starts nothing twice: the token, a webhook's secret and a CA file that it printed.

    Raises `Unfit`.
    """
    script = scripts / product.folder / "start.sh"
    done = subprocess.run(  # noqa: S603  # a script of ours
        [script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | ENVIRONMENT,
    )
    if done.returncode:
        raise Unfit(f"{script} ended with {done.returncode}:\n{done.stdout[-1500:]}")
    before = "Basic" if product.scheme == "Basic" else f"{product.header}: {product.scheme}".rstrip()
    token = re.search(rf"{before} (\S+)", done.stdout)
    if token is None:
        raise Unfit(f"{script} printed no '{before} ...'")
    secret, authority = re.search(r"webhook secret: (\S+)", done.stdout), re.search(r"CA: ([^\s;]+)", done.stdout)
    given = base64.b64encode(token.group(1).encode()).decode() if product.scheme == "Basic" else token.group(1)
    return given, secret.group(1) if secret else None, authority.group(1) if authority else None
