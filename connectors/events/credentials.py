"""With whose credentials the gateway reads what changed: nobody's request is under way then."""

from collections.abc import Mapping

from connectors.events.settings import EventSource
from connectors.settings import System


def own_credentials(systems: Mapping[str, System], sources: Mapping[str, EventSource]) -> dict[str, System]:
    """The systems as they are asked without a caller: those that want the callers' tokens get the gateway's own."""
    return {
        name: system.model_copy(update={"auth": source.credentials})
        if system.is_personal and (source := sources.get(name)) is not None and source.credentials
        else system
        for name, system in systems.items()
    }


def not_followed(systems: Mapping[str, System], sources: Mapping[str, EventSource]) -> dict[str, str]:
    """The systems whose changes cannot be followed, by domain, with the reason."""
    return {
        name: f"the system takes callers' tokens only: set live.sources.{name}.credentials"
        for name, system in own_credentials(systems, sources).items()
        if system.is_personal
    }
