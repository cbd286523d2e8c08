"""`gateway serve`: the gateway in production, in one process or several."""

import gc
import logging
import os
import signal
import tempfile
from pathlib import Path
from socket import socket
from typing import Final

from starlette.applications import Starlette

from gateway import files_settings, live_settings, logs, settings_file, writes_settings
from gateway.app import create_app
from gateway.auth_settings import NEEDED
from gateway.commands.descriptors import most_connections
from gateway.commands.ending import LeavingConfig
from gateway.commands.garbage import collect_in_short_turns
from gateway.commands.listening import PortUnavailable, check_free, listen, listen_on
from gateway.commands.reloading import NotReloadedError
from gateway.commands.workers import run as run_workers
from gateway.http.server import server_options
from gateway.redis_uses import WORKERS_FOLDER
from gateway.server_settings import ServerSettings
from gateway.settings import Settings
from gateway.settings_file import WrongSettings
from gateway.telemetry.process import share_between_workers

CONFIG_VARIABLE: Final = "GATEWAY_CONFIG"
"""Environment variable with the settings' path; this is how each worker learns it."""


_log: Final = logging.getLogger("gateway.serve")


class NoAuth(Exception):
    """The settings have no section `auth`, so no token could be checked. The text says what to do."""

    def __init__(self, config: Path | None) -> None:
        super().__init__(
            f"{config or 'environment'}: auth: missing: 'gateway serve' does not start without it, because it could"
            f" check no token. Set {NEEDED} (see docs/identity.md)."
            " To try the gateway without any of this, run 'gateway demo'."
        )


def run(config: Path | None, workers: int | None = None) -> None:
    """Serve until a signal ends it, and then until the writes under way have ended.

    Raises WrongSettings, NoAuth and PortUnavailable before anything starts.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is somebody to read them again
    settings = _settings(config)
    processes = workers or settings.server.workers
    if processes > 1 and (reasons := _for_one_process(settings)):
        raise WrongSettings([f"--workers {processes}: with {reason}" for reason in reasons])
    with listening(settings.server) as taken:
        if settings.server.metrics_port is not None:
            try:
                check_free(settings.server.host, settings.server.metrics_port)
            except PortUnavailable as error:
                error.setting = "metrics_port"
                raise
        _serve(config, settings, processes, taken)


def _serve(config: Path | None, settings: Settings, processes: int, taken: socket) -> None:
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.resolve())
    logs.configure(settings.log)
    _log.info("listening on %s (Ctrl-C ends it)", _place(settings.server))
    with tempfile.TemporaryDirectory() as folder:
        if processes > 1:
            os.environ[WORKERS_FOLDER] = folder
        _share_counts(settings, processes)
        begun = _uvicorn(settings, processes)
        run_workers(begun, taken, lambda: _again(config, begun, _place(settings.server)))


def _share_counts(settings: Settings, processes: int) -> None:
    """Let workers that begin from now on count in files, so that each can show the counts of all."""
    if processes > 1 and settings.shows_counts:
        share_between_workers(os.environ[WORKERS_FOLDER])


def listening(server: ServerSettings) -> socket:
    """What the settings say to listen on. Raises PortUnavailable."""
    return listen_on(server.unix_socket) if server.unix_socket is not None else listen(server.host, server.port)


def _place(server: ServerSettings) -> str:
    if server.unix_socket is not None:
        return str(server.unix_socket)
    return f"http://{f'[{server.host}]' if ':' in server.host else server.host}:{server.port}"


def _uvicorn(settings: Settings, processes: int, application: Starlette | None = None) -> LeavingConfig:
    server = settings.server
    return LeavingConfig(
        application or "gateway.commands.serve:app",
        factory=application is None,
        workers=processes,
        leave_after=server.leave_after,
        timeout_graceful_shutdown=server.finish,
        **server_options(server, settings.live.limits.message_bytes, most_in_all=most_connections(settings)),
    )


def _again(config: Path | None, begun: LeavingConfig, place: str) -> LeavingConfig:
    """The configuration with the settings as they are now. Raises NotReloadedError."""
    try:
        settings = _settings(config)
    except (WrongSettings, NoAuth) as error:
        lines = "; ".join(str(error).splitlines())
        raise NotReloadedError(f"the settings cannot be used, and those before stay: {lines}") from error
    if settings.keeps_writes_in_process:
        raise NotReloadedError("writes.in_process: what was written is remembered by this application: restart it")
    if begun.workers > 1 and (reasons := _for_one_process(settings)):
        raise NotReloadedError("; ".join(reasons))
    if (port := settings.server.metrics_port) is not None:
        try:
            check_free(settings.server.host, port, beside=True)  # the workers are there, too
        except PortUnavailable as error:
            raise NotReloadedError(f"server.metrics_port: {error} The settings before stay") from error
    _share_counts(settings, begun.workers)
    if _place(settings.server) != place:
        _log.warning("SIGHUP: the gateway listens on %s until a restart, not on %s", place, _place(settings.server))
    logs.configure(settings.log)
    return _uvicorn(settings, begun.workers, create_app(settings) if begun.workers == 1 else None)


def app() -> Starlette:
    """The application that each worker process runs; uvicorn calls this. Raises WrongSettings and NoAuth."""
    settings = _settings(Path(path) if (path := os.environ.get(CONFIG_VARIABLE)) else None)
    logs.configure(settings.log)
    return create_app(settings, started=tune_garbage_collector)


def tune_garbage_collector() -> None:
    """Make the garbage collector run less often, and ignore all objects that exist before the first request.

    Requests leave it almost nothing: their objects are freed with their last reference.
    """
    gc.collect()
    gc.freeze()
    collect_in_short_turns()


def _for_one_process(settings: Settings) -> list[str]:
    """Why there must be only one, which the settings do not know of `--workers`."""
    reasons = {
        writes_settings.FOR_ONE_PROCESS: settings.keeps_writes_in_process,
        live_settings.FOR_ONE_PROCESS: settings.tells_in_process,
        files_settings.FOR_ONE_PROCESS: settings.signs_in_process,
    }
    return [reason for reason, applies in reasons.items() if applies]


def _settings(config: Path | None) -> Settings:
    settings = settings_file.load(config)
    if settings.auth is None:
        raise NoAuth(config)
    return settings
