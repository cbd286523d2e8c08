"""How each version of TM Forum's APIs spells what the drivers ask for (FACTS.md, sections 1 and 5).

The drivers are written in v4's spelling, and every question goes through here. Answers need no switch: rows hold what
either version sends, because an installation of one may keep spellings of the other (official v5 examples do).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Version = Literal["v4", "v5"]


@dataclass(frozen=True, slots=True)
class Spelling:
    """One version's paths and filters."""

    version: Version
    filters: Mapping[str, str] = field(default_factory=dict)

    def path(self, v4: str) -> str:
        """The path of a resource that v4 has at `v4`; the same where no file of a later version was published."""
        return v4 if v4 in _ONLY_V4 else v4.replace("/v4/", f"/{self.version}/")

    def filter(self, v4: str) -> str:
        """The filter that v4 calls `v4`: a path through the answer, so it follows the answer's shape."""
        return self.filters.get(v4, v4)


GEOGRAPHIC_SITE: Final = "/tmf-api/geographicSiteManagement/v4/geographicSite"
PAYMENT: Final = "/payment/v4/payment"
_ONLY_V4: Final = frozenset({GEOGRAPHIC_SITE, PAYMENT})

SPELLINGS: Final[Mapping[Version, Spelling]] = {
    "v4": Spelling("v4"),
    "v5": Spelling(
        "v5",
        {
            "relatedParty.id": "relatedParty.partyOrPartyRole.id",
            "relatedEntity.id": "relatedEntity.entity.id",
            "contactMedium.characteristic.emailAddress": "contactMedium.emailAddress",
            "contactMedium.characteristic.phoneNumber": "contactMedium.phoneNumber",
        },
    ),
}
"""By the profile's `version`."""
