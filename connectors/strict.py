"""What every model of settings is."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Settings that name what they do not know instead of ignoring it, and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)
