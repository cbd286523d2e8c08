"""The gateway's own view of the systems behind it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors import ConnectedSystem
from connectors.errors import ConnectorError
from connectors.http.health import LastError, SystemStatus
from resolvers.context import RequestContext
from resolvers.errors import Forbidden

MAX_AGE: Final = timedelta(seconds=5)
"""How old what real traffic showed of a system may be before one read is made to see."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that a product cannot give."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SystemReport:
    """One system's state. `latency_ms` is that of its last answer; asking for what is `unsupported` fails."""

    name: str
    domain: str
    driver: str
    status: SystemStatus
    latency_ms: float | None
    last_error: LastError | None
    unsupported: list[Unsupported]


async def system_reports(context: RequestContext) -> list[SystemReport]:
    """All systems, looked at afresh where nothing was heard lately. Raises `Forbidden` for subscribers."""
    if not context.viewer.is_staff:
        raise Forbidden("The field systems is for agents and admins.")
    return list(await asyncio.gather(*(_report(system) for system in context.connectors.systems)))


async def _report(system: ConnectedSystem) -> SystemReport:
    health = system.probe.http.health
    if health.last_seen is None or datetime.now(UTC) - health.last_seen > MAX_AGE:
        with suppress(ConnectorError):  # health has noted what went wrong: that is what the report is about
            await system.probe.probe()
    return SystemReport(
        system.name,
        system.domain,
        system.driver,
        health.status,
        health.latency_ms,
        health.last_error,
        [Unsupported(name, reason) for name, reason in system.unsupported.items()],
    )
