"""Whether `[live.sources.*]` fit the systems, their drivers, and where the gateway can be reached."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from connectors import DOMAINS
from connectors.drivers import UnusableDriver
from connectors.events.settings import EventSource
from connectors.events.speaking import Telling
from connectors.settings import PERSONAL, System
from gateway.live_settings import LiveSettings
from gateway.writes_settings import Wrong

_IN_A_PATH: Final = re.compile(r"[A-Za-z0-9._~-]+")


def wrong(live: LiveSettings, systems: Mapping[str, System]) -> list[Wrong]:
    """What does not fit together; nothing where nobody may subscribe."""
    if not live.enabled:
        return []
    return [
        ((*("live", "sources", name), *place), text)
        for name, source in live.sources.items()
        for place, text in _wrong_source(name, source, systems, live.callback_url)
    ]


def _wrong_source(
    name: str, source: EventSource, systems: Mapping[str, System], callback_url: str | None
) -> Iterator[Wrong]:
    system = systems.get(name)
    if system is None:
        yield (), f"is no system of this gateway; there are: {', '.join(systems)}"
        return
    try:
        driver = DOMAINS[name].driver(system.driver).build
    except UnusableDriver:
        return  # said of the system
    yield from _posts(name, source, system.driver, getattr(driver, "telling", None))
    if source.hub and callback_url is None:
        yield ("hub",), f"is true, so live.callback_url must be set: the {name} system posts what changes to it"
    if source.hub and not source.secret_named("secret").text:
        yield ("secret",), "missing: with hub = true it is what an event's address must hold"
    if isinstance(source.credentials, PERSONAL):
        yield (
            ("credentials",),
            f"must be the gateway's own credentials, not '{source.credentials.kind}': nobody asks then",
        )
    elif source.credentials is not None and not system.is_personal:
        kinds = "'forward' or 'token_exchange'"
        yield ("credentials",), f"is only for systems.{name}.auth.kind = {kinds}; systems.{name}.auth is used"


def _posts(name: str, source: EventSource, driver: str, telling: Telling | None) -> Iterator[Wrong]:
    if source.hub and telling is not Telling.HUB:
        instead = {
            Telling.POST: f"set its product up to post to <callback_url>/events/{name}/<secret>, and hub = false",
            Telling.SIGNED: f"set its product up to post to <callback_url>/events/{name}, and hub = false",
        }
        right = instead.get(telling, "hub = false") if telling else "it is polled; hub = false"
        yield ("hub",), f"the driver '{driver}' has no TM Forum hubs: {right}"
    if not (secret := source.secret_named("secret").text):
        return
    if telling is None:
        yield ("secret",), f"the driver '{driver}' reads no events: leave it out, and {name} is polled"
    elif telling is not Telling.SIGNED and not _IN_A_PATH.fullmatch(secret):
        yield ("secret",), "stands in an address here: letters, digits and . _ ~ - only"
