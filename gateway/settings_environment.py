"""Reads settings from environment variables: `GATEWAY_`, then a key's path with two underscores between its parts.

Lists are texts with commas between them, or JSON; tables are JSON, or a variable for each key.
"""

import json
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

PREFIX: Final = "GATEWAY_"
_LISTS: Final = (tuple, list, set, frozenset)


class NotJsonError(ValueError):
    """A variable holds a table, or a list of tables, as plain text."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable)
        self.variable = variable


class Environment(EnvSettingsSource):
    """The library's reader of variables, which reads lists with commas, too, and says what it could not read.

    What a driver is configured with is known only when the driver is: what looks like a list or a table there is one.
    """

    def _load_env_vars(self) -> Mapping[str, str | None]:
        """All variables, without the line break that one has which was read from a file."""
        return {name: value and value.rstrip("\r\n") for name, value in super()._load_env_vars().items()}

    def explode_env_vars(self, field_name: str, field: FieldInfo, env_vars: Mapping[str, str | None]) -> dict[str, Any]:
        """The section's keys that have variables. Raises NotJsonError."""
        found = super().explode_env_vars(field_name, field, env_vars)
        if field_name == "systems":
            for section in (one for one in found.values() if isinstance(one, dict)):
                section |= {name: _decoded(section[name]) for name in ("options", "profile") if name in section}
        return {
            name: _with_lists(value, list(_kinds_of(field.annotation, name)), f"{PREFIX}{field_name}__{name}")
            for name, value in found.items()
        }

    def decode_complex_value(self, field_name: str, field: FieldInfo | None, value: Any) -> Any:
        """The JSON value. What is no JSON below a section stays as it is, until its kind is looked at."""
        try:
            return super().decode_complex_value(field_name, field, value)  # type: ignore[arg-type]  # may be None
        except ValueError as error:
            if field is not None and field_name in self.settings_cls.model_fields:
                raise NotJsonError(f"{PREFIX}{field_name}".upper()) from error
            return value


def _with_lists(value: Any, kinds: list[Any], variable: str) -> Any:
    """The value, with texts as lists where only a list, or a list as well, is wanted."""
    if isinstance(value, dict):
        return {
            name: _with_lists(one, [found for kind in kinds for found in _kinds_of(kind, name)], f"{variable}__{name}")
            for name, one in value.items()
        }
    if not isinstance(value, str):
        return value
    if isinstance(_decoded(value), list) and any(map(_is_list, kinds)):
        return _decoded(value)  # the library leaves JSON in a table as it is
    is_text = any(not _is_list(kind) and not _is_table(kind) for kind in kinds)
    is_list = any(_is_list(kind) and not any(map(_is_table, _members(get_args(kind)[0]))) for kind in kinds)
    if is_list and ("," in value or not is_text):
        return [one.strip() for one in value.split(",") if one.strip()]
    if kinds and not is_text:
        raise NotJsonError(variable.upper())
    return value


def _kinds_of(kind: Any, key: str) -> Iterator[Any]:
    """What the values under a key of a section may be."""
    for one in _members(kind):
        if get_origin(one) is dict:
            yield from _members(get_args(one)[1])
        elif isinstance(one, type) and issubclass(one, BaseModel) and key in one.model_fields:
            yield from _members(one.model_fields[key].annotation)
        elif hasattr(one, "__dataclass_fields__"):
            yield from _members(get_type_hints(one).get(key, str))


def _members(kind: Any) -> Iterator[Any]:
    if get_origin(kind) is Annotated:
        yield from _members(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            if one is not NoneType:
                yield from _members(one)
    else:
        yield kind


def _is_list(kind: Any) -> bool:
    return get_origin(kind) in _LISTS


def _is_table(kind: Any) -> bool:
    is_class = isinstance(kind, type) and issubclass(kind, BaseModel)
    return is_class or get_origin(kind) is dict or hasattr(kind, "__dataclass_fields__")


def _decoded(value: Any) -> Any:
    """A value from the environment; texts that look like JSON lists or objects are decoded."""
    if isinstance(value, dict):
        return {key: _decoded(one) for key, one in value.items()}
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            return json.loads(value)
        except ValueError:
            return value  # the driver's model says what is wrong with it
    return value
