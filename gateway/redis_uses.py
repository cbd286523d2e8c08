"""What the settings use Redis for: each use by name, with what its keys begin with."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from connectors.store.answering import RedisUse
from connectors.store.hint_stream import PREFIX as HINTS
from connectors.store.system_states import OwnStates, StatesInFolder, StatesInRedis, SystemStates
from gateway.settings import Settings

WORKERS_FOLDER: Final = "OPTICOM_WORKERS_FOLDER"
"""Environment variable with the folder that the workers of one machine share; `gateway serve` makes it."""


def redis_uses(settings: Settings) -> Sequence[RedisUse]:
    """Those that are on, the shared ones first."""
    found: list[RedisUse] = []
    if (shared := settings.shared_address) is not None:
        found += [RedisUse("documents", shared, "opticom:document:"), RedisUse("rates", shared, "opticom:{rate}:")]
        if settings.cache.keeping:
            found.append(RedisUse("cache", shared, "opticom:{rows}:"))
        if settings.live.enabled:
            found.append(RedisUse("live", shared, HINTS))
        if settings.files.signed_for and not settings.files.has_key:
            found.append(RedisUse("signatures", shared, "gateway:key:"))
    if settings.writes.enabled and (writes := settings.writes_address) is not None:
        found.append(RedisUse("writes", writes, "opticom:write:"))
    return found


def system_states(settings: Settings) -> SystemStates:
    """Where gateways tell each other how the systems are: Redis, else the workers' folder, else nowhere."""
    if (shared := settings.shared_address) is not None:
        return StatesInRedis(shared)
    folder = os.environ.get(WORKERS_FOLDER)
    return OwnStates() if folder is None else StatesInFolder(Path(folder))
