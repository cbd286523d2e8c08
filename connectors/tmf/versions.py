"""Paths and filters of each version of TM Forum's APIs.

The drivers use v4's names and translate them here for their requests. Answers need no translation: rows accept the
attributes of both versions, because installations mix them (official v5 examples do).
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
        """The path of the resource with the path `v4`; unchanged if no later version was published."""
        return v4 if v4 in _ONLY_V4 else v4.replace("/v4/", f"/{self.version}/")

    def filter(self, v4: str) -> str:
        """The name of the filter that v4 calls `v4`. Filters are paths through the answer and follow its shape."""
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
