"""Who is asking: what the token proved, in the graph's own words."""

from dataclasses import dataclass
from enum import Enum


class ViewerKind(Enum):
    """What sort of person or program is asking; rules differ per kind."""

    ANONYMOUS = "anonymous"
    CUSTOMER = "customer"
    AGENT = "agent"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller. `customer_ids` are the customers a subscriber may see (upstream's own ids, no type prefix)."""

    kind: ViewerKind
    customer_ids: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    subject: str = ""
    issuer: str = ""
    name: str = ""
    """What a person may read: the author of a note. The subject where the token has no name."""

    @property
    def is_staff(self) -> bool:
        """Agents and admins see every customer; everybody else only what is theirs."""
        return self.kind in (ViewerKind.AGENT, ViewerKind.ADMIN)

    @property
    def is_signed_in(self) -> bool:
        """Whether a token proved who asks."""
        return self.kind is not ViewerKind.ANONYMOUS


ANONYMOUS = Viewer(ViewerKind.ANONYMOUS)
