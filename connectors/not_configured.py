"""Ports that refuse everything: nobody is there who could answer, or a product that keeps nothing of the kind."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from connectors.errors import ConnectorError, NotConfigured, NotSupported
from connectors.ports import marks


def not_configured(domain: str, port: type[Any]) -> Any:
    """The port of a domain for which the settings name no system: every method raises `NotConfigured`."""
    return _refusing(port, lambda: NotConfigured(domain))


def not_supported(system: str, port: type[Any], reason: str) -> Any:
    """The port of a domain of which a system's product keeps nothing: every method raises `NotSupported`.

    As a driver's, its `unsupported` names all methods.
    """
    return _refusing(port, lambda: NotSupported(system, reason), dict.fromkeys(marks(port), reason))


def _refusing(port: type[Any], failure: Callable[[], ConnectorError], unsupported: Mapping[str, str] = {}) -> Any:
    async def refuse(*_: Any, **__: Any) -> NoReturn:
        raise failure()

    class RefusingPort:
        def __getattr__(self, name: str) -> Any:
            if hasattr(port, name):
                raise failure()
            raise AttributeError(name)

    for name in marks(port):
        setattr(RefusingPort, name, staticmethod(refuse))
    RefusingPort.unsupported = unsupported  # type: ignore[attr-defined]  # a class of its own for each port
    return RefusingPort()
