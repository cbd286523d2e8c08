"""`gateway serve`: the gateway in production, in one process or several."""

import gc
import os
import tempfile
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from gateway import files_settings, live_settings, logs, settings_file, writes_settings
from gateway.app import create_app
from gateway.auth_settings import NEEDED
from gateway.commands import ending
from gateway.commands.descriptors import most_connections
from gateway.commands.ending import LeavingConfig
from gateway.commands.listening import check_free
from gateway.http.server import server_options
from gateway.metrics import SHARED_FOLDER
from gateway.settings import Settings
from gateway.settings_file import WrongSettings

CONFIG_VARIABLE: Final = "GATEWAY_CONFIG"
"""Environment variable with the settings' path; this is how each worker learns it."""


_NEW_OBJECTS: Final = 50_000
"""Containers made and not yet gone, before the garbage collector looks at them."""


class NoAuth(Exception):
    """The settings have no section `auth`, so no token could be checked. The text says what to do."""

    def __init__(self, config: Path) -> None:
        super().__init__(
            f"{config}: auth: missing: 'gateway serve' does not start without it, because it could check no token."
            f" Set {NEEDED} (see docs/identity.md)."
            " To try the gateway without any of this, run 'gateway demo'."
        )


def run(config: Path, workers: int | None = None) -> None:
    """Serve until a signal ends it, and then until the writes under way have ended.

    Raises WrongSettings, NoAuth and PortUnavailable before anything starts.
    """
    settings = _settings(config)
    server = settings.server
    processes = workers or server.workers
    if processes > 1 and (reasons := _for_one_process(settings)):
        raise WrongSettings([f"--workers {processes}: with {reason}" for reason in reasons])
    check_free(server.host, server.port)
    os.environ[CONFIG_VARIABLE] = str(config.resolve())
    logs.configure(settings.log)
    with tempfile.TemporaryDirectory() as folder:
        if processes > 1 and server.metrics:
            os.environ.setdefault(SHARED_FOLDER, folder)
        ending.run(
            LeavingConfig(
                "gateway.commands.serve:app",
                factory=True,
                host=server.host,
                port=server.port,
                workers=processes,
                leave_after=server.leave_after,
                timeout_graceful_shutdown=server.finish,
                **server_options(server, settings.live.limits.message_bytes, most_in_all=most_connections(settings)),
            )
        )


def app() -> Starlette:
    """The application that each worker process runs; uvicorn calls this. Raises WrongSettings and NoAuth."""
    settings = _settings(Path(os.environ[CONFIG_VARIABLE]))
    logs.configure(settings.log)
    return create_app(settings, started=tune_garbage_collector)


def tune_garbage_collector() -> None:
    """Make the garbage collector run less often, and ignore all objects that exist before the first request.

    Requests leave it almost nothing: their objects are freed with their last reference. With Python's own thresholds it
    would visit the objects of all requests under way, again and again, and find nothing to free.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 100)


def _for_one_process(settings: Settings) -> list[str]:
    """Why there must be only one, which the settings do not know of `--workers`."""
    reasons = {
        writes_settings.FOR_ONE_PROCESS: settings.keeps_writes_in_process,
        live_settings.FOR_ONE_PROCESS: settings.tells_in_process,
        files_settings.FOR_ONE_PROCESS: settings.signs_in_process,
    }
    return [reason for reason, applies in reasons.items() if applies]


def _settings(config: Path) -> Settings:
    settings = settings_file.load(config)
    if settings.auth is None:
        raise NoAuth(config)
    return settings
