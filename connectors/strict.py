"""The base of all models of settings."""

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from connectors.texts import one_line, without_credentials


class Strict(BaseModel):
    """Settings that are immutable, reject unknown keys, and hold texts of one line and finite numbers only.

    A line break at the end of a text is taken off: a secret that was read from a file has one.
    """

    section: ClassVar[str] = "options"
    """The key in the system's section of the settings that holds a driver's configuration of this model."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Addresses without what may be a secret: user names, passwords, queries and fragments."""
        return [(name, _shown(value)) for name, value in super().__repr_args__()]

    @field_validator("*", mode="after")
    @classmethod
    def _holds_texts_of_one_line(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and not isinstance(value, Enum):
            return one_line(value)
        if isinstance(value, Path):
            return _text(value)
        if isinstance(value, tuple):
            return tuple(map(_text, value))
        if isinstance(value, dict) and Any not in get_args(cls.model_fields[str(info.field_name)].annotation):
            # Else its texts are checked by the driver's own model, which knows their place.
            return {_text(key): _text(one) for key, one in value.items()}
        return value


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return without_credentials(value) if "://" in value or "?" in value else value
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return type(value)(map(_shown, value)) if type(value) in (list, tuple) else value


def _text(one: Any) -> Any:
    """A text or a path in one line; words of the gateway's own (enums) and other values as they are."""
    if isinstance(one, Path):
        return Path(one_line(str(one)))
    return one_line(one) if isinstance(one, str) and not isinstance(one, Enum) else one
