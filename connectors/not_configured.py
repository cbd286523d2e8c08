"""The port of a domain for which the settings name no system."""

from typing import Any, NoReturn

from connectors.errors import NotConfigured
from connectors.ports import marks


def not_configured(domain: str, port: type[Any]) -> Any:
    """A port of which every method raises `NotConfigured`."""

    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise NotConfigured(domain)

    class NotConfiguredPort:
        def __getattr__(self, name: str) -> Any:
            if hasattr(port, name):
                raise NotConfigured(domain)
            raise AttributeError(name)

    for name in marks(port):
        setattr(NotConfiguredPort, name, staticmethod(refuse))
    return NotConfiguredPort()
