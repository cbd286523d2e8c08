"""Several gateways in one process and one event loop, each with settings and a port of its own.

    .venv/bin/python -m benchmarks.one_process CONFIG

Two starts of the same program differ by some percent (hash seeds, memory layout). What one of these takes can be
compared with what another takes more closely than that. The variable BENCH_GATEWAYS says which there are: JSON, by
name, the port and the settings as environment variables. The log's format is that of the last.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import uvicorn

from gateway import logs, settings_file
from gateway.app import create_app
from gateway.commands.ending import LeavingConfig, LeavingServer
from gateway.commands.serve import tune_garbage_collector
from gateway.http.server import server_options

VARIABLE: Final = "BENCH_GATEWAYS"


def server(config: Path, port: int, variables: Mapping[str, str], started: Callable[[], None]) -> uvicorn.Server:
    """One gateway, to be served."""
    os.environ.update(variables)
    settings = settings_file.load(config)
    for name in variables:
        del os.environ[name]
    logs.configure(settings.log)
    options = server_options(settings.server, settings.live.limits.message_bytes)
    app = create_app(settings, started=started)
    return LeavingServer(LeavingConfig(app, host="127.0.0.1", port=port, leave_after=0.0, **options))


async def serve(servers: list[uvicorn.Server]) -> None:
    """Serve them all."""
    await asyncio.gather(*(one.serve() for one in servers))


def main() -> None:
    """Read what is wanted, and serve."""
    wanted = json.loads(os.environ[VARIABLE])
    *others, last = wanted.values()
    config = Path(sys.argv[1])
    servers = [server(config, one["port"], one["variables"], lambda: None) for one in others]
    servers.append(server(config, last["port"], last["variables"], tune_garbage_collector))
    with asyncio.Runner(loop_factory=servers[0].config.get_loop_factory()) as runner:
        runner.run(serve(servers))


if __name__ == "__main__":
    main()
