"""`[portal]`: the example portal, served by the gateway itself."""

from typing import Annotated

from pydantic import Field

from connectors.strict import Strict


class PortalSettings(Strict):
    """Without it the gateway serves no portal: an operator's own is served elsewhere, or built from `portal/`."""

    status: Annotated[
        bool,
        Field(description="Whether agents and admins get the page /status; it does not need the rest of the portal."),
    ] = False
    enabled: Annotated[bool, Field(description="Whether a browser gets the portal at /portal, and /status.")] = False

    @property
    def is_served(self) -> bool:
        """Whether any page of it is."""
        return self.enabled or self.status
