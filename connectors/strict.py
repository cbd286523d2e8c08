"""The base of all models of settings."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Settings that are immutable and reject unknown keys."""

    section: ClassVar[str] = "options"
    """The key in the system's section of the settings that holds a driver's configuration of this model."""

    model_config = ConfigDict(extra="forbid", frozen=True)
