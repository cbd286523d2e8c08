"""`[portal]`: the example portal, served by the gateway itself."""

from typing import Annotated

from pydantic import Field

from connectors.strict import Strict


class PortalSettings(Strict):
    """Without it the gateway serves no portal: an operator's own is served elsewhere, or built from `portal/`."""

    enabled: Annotated[bool, Field(description="Whether a browser gets the portal at /portal.")] = False
