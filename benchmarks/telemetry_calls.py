"""How many functions telemetry calls for a request: exact, and the same on a machine that others use.

    .venv/bin/python -m benchmarks.telemetry_calls [--profile VARIANT]

`{ __typename }` of a subscriber, asked of the application itself, without a server. Counted are calls of Python
functions and of C functions beyond those with everything off. `--profile` lists the functions of one variant that are
called, with how often for a request.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette

from connectors import DOMAINS
from connectors.settings import System
from gateway import logs
from gateway.app import create_app
from gateway.commands.demo_keys import DemoKeys
from gateway.rate_settings import CallerRate, RateSettings
from gateway.server_settings import ServerSettings
from gateway.settings import LogSettings, Settings, SystemsSettings
from gateway.telemetry_settings import TelemetrySettings
from resolvers.viewer import ViewerKind

REQUESTS: Final = 400
BODY: Final = b'{"query":"{ __typename }"}'
NOBODY: Final = "http://127.0.0.1:9"

_FREE: Final = CallerRate(per_second=0, burst=0)
_METRICS: Final = {"server": ServerSettings(metrics=True)}
_ACCESS: Final = {"log": LogSettings(access=True, format="json")}


def variants() -> Mapping[str, Mapping[str, Any]]:
    """What is on, by name."""
    sent = TelemetrySettings(endpoint=NOBODY)
    traces = TelemetrySettings(endpoint=NOBODY, metrics=False)
    traced = TelemetrySettings(endpoint=NOBODY, metrics=False, sample=1.0)
    return {
        "off": {},
        "metrics": _METRICS,
        "access log": _ACCESS,
        "traces": {"telemetry": traces},
        "every request traced": {"telemetry": traced},
        "all": {**_METRICS, **_ACCESS, "telemetry": sent},
    }


def settings(**on: Any) -> Settings:
    """Those of a gateway that asks nobody."""
    systems = SystemsSettings.model_validate({name: System(url=NOBODY) for name in DOMAINS})
    rates = RateSettings(anonymous=_FREE, subscriber=_FREE, agent=_FREE, admin=_FREE)
    return Settings.model_construct(**{**dict(Settings(systems=systems)), "rates": rates, **on})


async def counted(keys: DemoKeys, on: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    """How often each function is called for `REQUESTS` requests, by kind (`Python` or `C`) and name."""
    app = create_app(settings(**on), demo_keys=keys)
    logs.configure(LogSettings(format="json", level="info"))
    headers = [
        (b"host", b"gateway.example"),
        (b"authorization", f"Bearer {keys.token(ViewerKind.CUSTOMER, '1001')}".encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(BODY)).encode()),
    ]
    found: Counter[tuple[str, str]] = Counter()

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            found["Python", f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_qualname}"] += 1
        elif event == "c_call":
            found["C", getattr(argument, "__qualname__", repr(argument))] += 1

    async with app.router.lifespan_context(app) as state:
        for _ in range(50):
            await asked(app, headers, dict(state or {}))
        sys.setprofile(count)
        for _ in range(REQUESTS):
            await asked(app, headers, dict(state or {}))
        await asyncio.sleep(0.3)  # what is done for many at once, such as the lines of the access log
        sys.setprofile(None)
    return found


async def asked(app: Starlette, headers: list[tuple[bytes, bytes]], state: dict[str, Any]) -> None:
    """One request, which must be answered with 200."""
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/graphql", "raw_path": b"/graphql",
        "query_string": b"", "headers": headers, "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000), "state": state, "extensions": {},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"the gateway answers {message['status']}")

    await app(scope, receive, send)


def main() -> None:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=[*variants()])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = DemoKeys.create(Path(folder) / "key.pem")
        by_name = {name: asyncio.run(counted(keys, on)) for name, on in variants().items()}
    table = Table("on", "Python calls for a request", "C calls", "more than off")
    base = by_name["off"]
    for name, found in by_name.items():
        python, c = (sum(n for (kind, _), n in found.items() if kind == one) / REQUESTS for one in ("Python", "C"))
        more = (sum(found.values()) - sum(base.values())) / REQUESTS
        table.add_row(name, f"{python:.1f}", f"{c:.1f}", f"{more:.1f}")
    console = Console(width=100)
    console.print(table)
    if given.profile:
        more_often = by_name[given.profile] - base
        for (kind, what), times in more_often.most_common(60):
            console.print(f"{times / REQUESTS:8.2f}  {kind:6}  {what}", highlight=False)


if __name__ == "__main__":
    main()
