"""Who is compared, how each is started, and the tokens that all of them believe."""

import http.client
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.checkout import Checkout
from benchmarks.processes import ROOT, Process, free_ports
from benchmarks.upstream_rows import FIRST, PATHS
from benchmarks.works import Work
from gateway.commands.demo_keys import RULES, DemoKeys
from resolvers.viewer import ViewerKind

PEER: Final = Path(__file__).resolve().parent / "peer"
NODE: Final[Mapping[str, Mapping[str, str]]] = {"whole": {"BENCH_WHOLE": "1"}, "peer": {}}
"""The Node peers, and how they are told what they are."""
PYTHON: Final = ("gateway", "stock", "floor")
TITLES: Final[Mapping[str, str]] = {
    "gateway": "this gateway",
    "stock": "stock Strawberry",
    "whole": "Node, whole rows",
    "peer": "Node, fields=",
    "floor": "floor",
}
NAMED: Final = ("gateway", "base")
"""The gateways: of this tree, and of another commit."""

USERS: Final = 100
"""Subscribers who ask in turn."""


class NoPeer(Exception):
    """The Node peer cannot be had here; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Calls to the upstream, and bytes of its answers' bodies."""

    calls: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Field:
    """The upstream and the contestants, up and running."""

    upstream: Process
    contestants: Mapping[str, Process]
    customers: Sequence[str]
    """Tokens of subscribers."""
    agent: str

    def tokens(self, work: Work) -> Sequence[str]:
        """Who asks this."""
        return self.customers if work.who == "customers" else [self.agent]

    def path(self, name: str, work: Work) -> str:
        """Where a contestant is asked; the floor knows no GraphQL."""
        return f"/{work.name}" if name == "floor" else "/graphql"

    def ask(self, name: str, work: Work, token: str) -> dict[str, Any]:
        """The data of one answer. Raises RuntimeError where there are errors."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
        body = _post(self.contestants[name].port, self.path(name, work), orjson.dumps(work.body), headers)
        if b'"errors"' in body:
            raise RuntimeError(f"{name} answered {work.title} with errors: {body[:500]!r}")
        data: dict[str, Any] = orjson.loads(body)["data"]
        return data

    def taken(self) -> Taken:
        """What the upstream was asked since the last time."""
        said = orjson.loads(_post(self.upstream.port, "/_bench/take"))
        return Taken(said["calls"], said["bytes"])

    def slow(self, milliseconds: int) -> None:
        """From now on every answer of the upstream takes so long."""
        _post(self.upstream.port, f"/_bench/latency?ms={milliseconds}")


def _post(port: int, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, body, dict(headers or {}))
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} on port {port} answered with {answer.status}: {said[:500]!r}")
    return said


def _counted(command: Sequence[str | Path], out: Path) -> Sequence[str | Path]:
    """The command of a gateway under valgrind. All its starts have the same hashes, so that they do the same."""
    python, _, _, *arguments = command  # its `-m gateway`
    valgrind = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}")
    return ("env", "PYTHONHASHSEED=0", *valgrind, python, ROOT / "benchmarks" / "stretched.py", *arguments)


@contextmanager
def running(
    folder: Path,
    names: Sequence[str],
    profile: Path | None = None,
    base: Checkout | None = None,
    alike: Mapping[str, Mapping[str, str]] | None = None,
    counted_in: Path | None = None,
) -> Iterator[Field]:
    """Start the upstream and these contestants on free ports, and end them. Raises NotStarted, NoPeer.

    With `profile` the gateway runs under `benchmarks.profiled`, which writes there when SIGINT ends it. With `base` the
    gateway of that checkout is the contestant `base`. `alike` are further gateways of this tree, by name, each with
    settings of its own in its environment. With `counted_in` gateways run under valgrind, which counts their
    instructions once it is told to, and writes into that folder.
    """
    alike = alike or {}
    keys = DemoKeys.create(folder / "key.pem")
    (folder / "jwks.json").write_bytes(keys.jwks())
    upstream_port, *ports = free_ports(len(names) + 1)
    variables = {
        "BENCH_UPSTREAM": f"http://127.0.0.1:{upstream_port}",
        "BENCH_JWKS": str(folder / "jwks.json"),
        "BENCH_ISSUER": RULES.issuer,
        "BENCH_AUDIENCE": str(RULES.audience),
        "BENCH_PATHS": orjson.dumps(dict(PATHS)).decode(),
    }
    started: Sequence[str | Path] = ("benchmarks.profiled", profile, "gateway") if profile else ("gateway",)
    python: dict[str, Sequence[str | Path]] = {
        "gateway": (sys.executable, "-m", *started, "serve", "--config", folder / "gateway.toml"),
        "stock": (sys.executable, "-m", "benchmarks.stock"),
        "floor": (sys.executable, "-m", "benchmarks.floor"),
    }
    for name in alike:
        python[name] = (sys.executable, "-m", "gateway", "serve", "--config", folder / f"{name}.toml")
    if base:
        python["base"] = (base.python, "-m", "gateway", "serve", "--config", folder / "base.toml")
    with ExitStack() as stack:
        upstream = Process("upstream", (sys.executable, "-m", "benchmarks.upstream"), upstream_port, folder, variables)
        stack.callback(upstream.stop)
        contestants: dict[str, Process] = {}
        for name, port in zip(names, ports, strict=True):
            if name in (*NAMED, *alike):
                tree = base.folder if base and name == "base" else ROOT
                (folder / f"{name}.toml").write_text(_settings(port, variables["BENCH_UPSTREAM"], tree))
            own = {**NODE.get(name, {}), **alike.get(name, {})}
            command = python[name] if name in python else (node()[0], PEER / "server.mjs")
            if counted_in is not None and name in NAMED:
                command = _counted(command, counted_in / f"{name}.callgrind")
            tree = base.folder if base and name == "base" else ROOT
            contestants[name] = Process(name, command, port, folder, {**variables, **own}, tree)
            stack.callback(contestants[name].stop)
        for process in (upstream, *contestants.values()):
            process.wait()
        users = [keys.token(ViewerKind.CUSTOMER, str(FIRST + n)) for n in range(USERS)]
        yield Field(upstream, contestants, users, keys.token(ViewerKind.AGENT))


def install_peer() -> None:
    """Install the peer's locked packages, unless they are there. Raises NoPeer."""
    lock = (PEER / "package-lock.json").read_bytes()
    installed = PEER / "node_modules" / "installed-lock.json"
    if installed.is_file() and installed.read_bytes() == lock:
        return
    command, npm = node()
    step = subprocess.run(  # noqa: S603  # the wheel's npm, and arguments of this file
        [command, npm, "ci", "--ignore-scripts", "--loglevel=error"],
        cwd=PEER,
        capture_output=True,
        text=True,
        check=False,
    )
    if step.returncode:
        raise NoPeer(f"npm could not install its packages (is the registry reachable?): {step.stderr.strip()[:300]}")
    shutil.copy(PEER / "package-lock.json", installed)


def node() -> tuple[Path, Path]:
    """The `node` of the wheel and its npm's start file, as the page's build has them. Raises NoPeer."""
    try:
        from web.build import node_paths  # needs the wheel, which Python's contestants do not
    except ImportError as error:
        raise NoPeer(f"there is no Node: {error}") from error
    return node_paths()


def _settings(port: int, upstream: str, tree: Path) -> str:
    """The gateway's settings file: what the upstream is known to do, patience, and one caller who may ask all the time;
    else everything is the default of the checkout `tree`.

    The others have no deadlines: on a busy machine the gateway would give up where they make everybody wait.
    """
    systems = "\n".join(
        f'[systems.{domain}]\nurl = "{upstream}"\ntimeout = 60.0\n[systems.{domain}.profile]\npage_size = 10000'
        for domain in ("crm", "inventory", "ticketing", "billing")
    )
    free = "{ per_second = 1e9, burst = 1e9 }"
    example = tree / "gateway.example.toml"
    knows_rates = example.is_file() and "[rates]" in example.read_text(encoding="utf-8")
    rates = f'trusted_proxies = ["127.0.0.1"]\n[rates]\nsubscriber = {free}\nagent = {free}\n' if knows_rates else ""
    return f"""{systems}
bills_name_customers = true
[auth]
issuer = "{RULES.issuer}"
audience = "{RULES.audience}"
jwks_file = "jwks.json"
[graphql]
deadline = 60.0
[server]
port = {port}
{rates}"""
