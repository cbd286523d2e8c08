"""How many connections the system lets a process have, beside those to the systems behind it."""

import logging
import resource
from collections.abc import Iterable
from typing import Final

from connectors.settings import System
from gateway.http.edge import MOST_RESERVED
from gateway.settings import Settings

_log: Final = logging.getLogger("gateway.edge")


def most_connections(settings: Settings) -> int:
    """How many connections of clients a process may have in all, so that descriptors are left for everything else.

    The process may open as many as its hard limit allows from now on, and so may its children. Where that is too few
    for what the settings name, the log says so.
    """
    wanted = settings.server.limits.connections + (settings.live.limits.connections if settings.live.enabled else 0)
    kept = MOST_RESERVED + settings.server.limits.descriptors + _calls(settings.systems.by_domain.values())
    allowed = _raise_limit()
    most = max(1, allowed - kept)
    if most < wanted:
        _log.warning(
            "the system allows %d open files (RLIMIT_NOFILE), of which %d are kept for calls and the gateway's own:"
            " there may be %d connections, not the %d of server.limits.connections and live.limits.connections",
            allowed,
            kept,
            most,
            wanted,
        )
    return most


def _calls(systems: Iterable[System]) -> int:
    """Calls and documents that may be under way at once."""
    return sum(2 * system.concurrency for system in systems)


def _raise_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # some systems have a lower limit than they say
            return soft
    return hard if hard != resource.RLIM_INFINITY else 1_000_000
