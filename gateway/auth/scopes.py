"""Which scopes a caller has: those of its kind, and those that its token or its roles say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from resolvers.viewer import Viewer, ViewerKind

EVERY: Final = "*"
"""In the settings: every scope."""

_NONE: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Grants:
    """The scopes that callers of a kind have without saying so; without an entry: every one.

    `known` are all scopes that mean something here: others in a token are for somebody else.
    """

    by_kind: Mapping[ViewerKind, frozenset[str]] = field(default_factory=dict)
    known: frozenset[str] = _NONE

    def granted(self, viewer: Viewer) -> Viewer:
        """The viewer with its scopes, given those that its token says.

        Noted are those that others of its kind do not have.
        """
        own = self.by_kind.get(viewer.kind)
        if own is None:
            return replace(viewer, scopes=None, noted_scopes=_NONE)
        said = (viewer.scopes or _NONE) & self.known
        if own >= self.known:
            return replace(viewer, scopes=None, noted_scopes=_NONE)
        return replace(viewer, scopes=own | said, noted_scopes=said - own)
