"""docs/profiles.md says what the profile's keys are, and what the named profiles hold: nothing else, nothing less."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from connectors.tmf.named_profiles import PROFILES
from connectors.tmf.profile import Profile
from connectors.tmf.resource_profile import ResourceProfile

DOCUMENT = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text(encoding="utf-8")


def rows(keys: Mapping[str, FieldInfo]) -> Iterator[str]:
    """A table's rows, one for each key: name, values, default, meaning."""
    for name, field in keys.items():
        default = "" if field.default is None else f"`{_toml(field.default)}`"
        yield f"| `{name}` | {_values(field.annotation)} | {default} | {field.description} |"


def _values(annotation: Any) -> str:
    """What may stand behind a key, for a person."""
    if annotation in (bool, int, str):
        return {bool: "true, false", int: "a number", str: "text"}[annotation]
    members = get_args(annotation)
    if get_origin(annotation) is tuple:
        return "a list"
    if get_origin(annotation) is dict:
        return "a table"
    if all(isinstance(one, str) for one in members):
        return ", ".join(f"`{one}`" for one in members)
    return " or ".join(_values(one) for one in members if one is not type(None))


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def held(profile: Mapping[str, Any]) -> Iterator[str]:
    """Lines of the TOML that says the same as a named profile."""
    for key, value in profile.items():
        if key == "resources":
            for resource, table in value.items():
                yield from (f"resources.{resource}.{name} = {_inline(one)}" for name, one in table.items())
        else:
            yield f"{key} = {_inline(value)}"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_inline(one)}" for key, one in value.items()) + " }"
    return _toml(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def test_every_key_is_in_a_table_with_its_default() -> None:
    resource = "\n".join(rows(ResourceProfile.model_fields))
    system = "\n".join(
        rows({name: one for name, one in Profile.model_fields.items() if name not in ResourceProfile.model_fields})
    )
    assert resource in DOCUMENT, resource
    assert system in DOCUMENT, system


@pytest.mark.parametrize("name", PROFILES)
def test_every_named_profile_is_written_out(name: str) -> None:
    text = f"### `{name}`\n\n```toml\n" + "\n".join(held(PROFILES[name])) + "\n```\n"
    assert text in DOCUMENT, text
