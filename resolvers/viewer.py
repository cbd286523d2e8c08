"""The caller, as the token proves it."""

from dataclasses import dataclass
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

    @property
    def is_staff(self) -> bool:
        """Whether the caller is an agent or admin, who may see the data of all customers."""
        return self.kind in (ViewerKind.AGENT, ViewerKind.ADMIN)

    @property
    def is_signed_in(self) -> bool:
        """Whether the caller has a valid token."""
        return self.kind is not ViewerKind.ANONYMOUS


ANONYMOUS = Viewer(ViewerKind.ANONYMOUS)
