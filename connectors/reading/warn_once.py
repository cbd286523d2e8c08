"""Warnings about a system that are logged only once."""

import logging
from collections.abc import Callable
from typing import Final

logger = logging.getLogger("gateway.connectors")

_MOST_KEPT: Final = 1000
"""Most different warnings; further ones are dropped. Warnings quote values, of which there may be any number."""


class WarnOnce:
    """Logs warnings about one system, or one of its lists (`where`), each only the first time.

    `notice` gets each of them, too, such as `Health.notice`, so that they are shown besides the log.
    """

    def __init__(self, system: str, where: str = "", notice: Callable[[str], None] | None = None) -> None:
        self._about, self._where, self._notice = f"{system}: {where}".rstrip(), where, notice
        self._logged: set[str] = set()

    def __call__(self, what: str) -> None:
        """Log a warning. `what` continues the system's name to a sentence, without a full stop."""
        if what not in self._logged and len(self._logged) < _MOST_KEPT:
            self._logged.add(what)
            logger.warning("%s %s", self._about, what)
            if self._notice is not None:
                self._notice(f"{self._where} {what}".lstrip())
