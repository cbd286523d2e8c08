"""Health of the systems behind the gateway."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors import ConnectedSystem
from connectors.errors import ConnectorError
from connectors.http.health import LastError, SystemStatus
from connectors.http.policy.operation import OperationState
from resolvers.context import RequestContext
from resolvers.errors import Forbidden

MAX_AGE: Final = timedelta(seconds=5)
"""Age of a system's last answer above which the system is probed."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An operation or attribute that a product cannot provide."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SystemReport:
    """A system's health. `latency_ms` is the duration of its last answer, in milliseconds."""

    name: str
    domain: str
    driver: str
    status: SystemStatus
    latency_ms: float | None
    last_error: LastError | None
    notices: list[str]
    unsupported: list[Unsupported]
    operations: list[OperationState]


async def system_reports(context: RequestContext) -> list[SystemReport]:
    """Reports of all systems; those without a recent answer are probed first. Raises `Forbidden` for subscribers."""
    if not context.viewer.is_staff:
        raise Forbidden("The field systems is for agents and admins. Leave it out.")
    return list(await asyncio.gather(*(_report(system) for system in context.connectors.systems)))


async def _report(system: ConnectedSystem) -> SystemReport:
    health = system.probe.http.health
    if health.last_seen is None or datetime.now(UTC) - health.last_seen > MAX_AGE:
        with suppress(ConnectorError):  # the failure is in `health`, which the report shows
            await system.try_read()
    return SystemReport(
        system.name,
        system.domain,
        system.driver,
        health.status,
        health.latency_ms,
        health.last_error,
        health.notices,
        [Unsupported(name, reason) for name, reason in system.unsupported.items()],
        system.probe.http.policies.states,
    )
