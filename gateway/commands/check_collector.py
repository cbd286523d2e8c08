"""The part of `gateway check` that tries the collector of `[telemetry]`."""

import ssl
import time
from typing import Final

import aiohttp

from gateway.commands.findings import Finding
from gateway.telemetry_settings import TelemetrySettings, headers_in

_DRIVER: Final = "OTLP"
_MEANWHILE: Final = "The gateway serves without it, and what it should take is dropped"


async def collected(settings: TelemetrySettings, session: aiohttp.ClientSession) -> Finding:
    """One line of the table: whether the collector takes a message of each kind that is sent, with nothing in it.

    An export without spans or metrics is a valid one (OTLP 1, HTTP, protobuf: all fields of a message may be left out).
    """
    address = settings.endpoint or ""
    kinds = [kind for kind, is_sent in (("traces", settings.traces), ("metrics", settings.metrics)) if is_sent]
    started = time.monotonic()
    for kind in kinds:
        try:
            status = await _sent(f"{address.rstrip('/')}/v1/{kind}", settings, session)
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            detail = str(error) or f"no answer within {settings.timeout:g} s"
            hint = f"{_MEANWHILE}: is it running, and is telemetry.endpoint right?"
            return Finding("collector", _DRIVER, address, "FAILED", detail=detail, hint=hint)
        if status in (401, 403):
            hint = f"{_MEANWHILE}: check telemetry.headers_file."
            return Finding("collector", _DRIVER, address, "ok", "FAILED", detail=f"/v1/{kind}: {status}", hint=hint)
        if status >= 300:
            hint = f"{_MEANWHILE}: is telemetry.endpoint its address for OTLP over HTTP (port 4318 as a rule)?"
            hint += f" If it takes no {kind}, set telemetry.{kind} = false."
            return Finding(
                *("collector", _DRIVER, address, "ok", "-", "FAILED"), detail=f"/v1/{kind}: {status}", hint=hint
            )
    latency = (time.monotonic() - started) * 1000
    return Finding("collector", _DRIVER, address, "ok", "-", "ok", latency, note=f"takes {' and '.join(kinds)}")


async def _sent(address: str, settings: TelemetrySettings, session: aiohttp.ClientSession) -> int:
    """The status of the answer to an empty message. Raises what aiohttp raises, OSError and TimeoutError."""
    headers = {"Content-Type": "application/x-protobuf", **headers_in(settings.secret_named("headers").text)}
    trust = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else True
    timeout = aiohttp.ClientTimeout(settings.timeout)
    async with session.post(
        address, data=b"", headers=headers, ssl=trust, timeout=timeout, allow_redirects=False
    ) as answer:
        return answer.status
