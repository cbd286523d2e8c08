"""How many connections stay open: in all, and of each caller."""

from gateway.live_settings import LiveLimits
from resolvers.viewer import Viewer


class Connections:
    """Counts the open connections of this process, within the limits."""

    def __init__(self, limits: LiveLimits) -> None:
        self._limits = limits
        self._of: dict[tuple[str, str], int] = {}
        self.open = 0

    def enter(self) -> bool:
        """Count one more, if there may be one. Then `leave` must be called at its end."""
        if self.open >= self._limits.connections:
            return False
        self.open += 1
        return True

    def leave(self) -> None:
        """Count one less."""
        self.open -= 1

    def enter_of(self, viewer: Viewer) -> bool:
        """Count one more of this caller, if there may be one. Callers without a token are counted in all only."""
        if not viewer.is_signed_in:
            return True
        caller = (viewer.issuer, viewer.subject)
        count = self._of.get(caller, 0)
        if count >= self._limits.connections_per_caller:
            return False
        self._of[caller] = count + 1
        return True

    def leave_of(self, viewer: Viewer) -> None:
        """Count one less of this caller."""
        if viewer.is_signed_in:
            caller = (viewer.issuer, viewer.subject)
            count = self._of.pop(caller)
            if count > 1:
                self._of[caller] = count - 1
