"""The caller, as the token proves it."""

import hashlib
import math
from dataclasses import dataclass, field
from enum import Enum


class ViewerKind(Enum):
    """Kind of caller."""

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller. `customer_ids` are the numbers of a subscriber's customers, without a type prefix."""

    kind: ViewerKind
    customer_ids: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    subject: str = ""
    issuer: str = ""
    name: str = ""
    """What a person may read: the author of a note. The subject where the token has no name."""

    scopes: frozenset[str] | None = None
    """What the caller may read of what is guarded by scopes; None: everything."""
    noted_scopes: frozenset[str] = frozenset()
    """Scopes that others of the kind do not have: what is read in full by them is told to the audit log."""

    expires: float = field(default=math.inf, repr=False, compare=False)
    """When the token ends, in seconds since 1970."""

    is_staff: bool = field(init=False, repr=False, compare=False)
    """Whether the caller is an agent or admin, who may see the data of all customers."""
    is_signed_in: bool = field(init=False, repr=False, compare=False)
    """Whether the caller has a valid token."""
    identity: tuple[object, ...] = field(init=False, repr=False, compare=False)
    """One person or program with the same rights: whoever has the same one shares a share of what is bounded."""

    def __post_init__(self) -> None:
        """Look at the kind once: every request asks for it several times."""
        object.__setattr__(self, "identity", (self.issuer, self.subject, self.kind.value, self.customer_ids))
        object.__setattr__(self, "is_staff", self.kind in (ViewerKind.AGENT, ViewerKind.ADMIN))
        object.__setattr__(self, "is_signed_in", self.kind is not ViewerKind.ANONYMOUS)

    @property
    def key(self) -> str:
        """The identity, as a text that tells nobody who it is."""
        return hashlib.sha256(repr(self.identity).encode("utf-8", "surrogatepass")).hexdigest()[:32]


ANONYMOUS = Viewer(ViewerKind.ANONYMOUS)
