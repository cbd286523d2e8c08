"""What every model of settings is."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Settings that name what they do not know instead of ignoring it, and cannot be changed once read."""

    section: ClassVar[str] = "options"
    """Where a driver's configuration of this model stands in its system's section."""

    model_config = ConfigDict(extra="forbid", frozen=True)
