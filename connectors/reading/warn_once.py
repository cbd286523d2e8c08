"""What an operator should know about a system stands in the log once, however often it is met."""

import logging
from typing import Final

logger = logging.getLogger("gateway.connectors")

_MOST_KEPT: Final = 1000
"""Different warnings after which further ones are dropped: they may quote what a system sends."""


class WarnOnce:
    """Logs warnings about one system, or one list of it (`where`); the same one only the first time."""

    def __init__(self, system: str, where: str = "") -> None:
        self._about = f"{system}: {where}".rstrip()
        self._logged: set[str] = set()

    def __call__(self, what: str) -> None:
        """Log what the operator should know, in a sentence without a full stop."""
        if what not in self._logged and len(self._logged) < _MOST_KEPT:
            self._logged.add(what)
            logger.warning("%s %s", self._about, what)
