"""Reads the settings: one TOML file, the environment on top; all that is wrong is said at once, in its place."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from connectors import DOMAINS
from connectors.drivers import WrongConfiguration
from connectors.secret_files import beside
from connectors.settings import System
from gateway.settings import Settings
from gateway.settings_environment import PREFIX, Environment, NotJsonError

DEFAULT: Final = Path("gateway.toml")
"""The settings' file where none is named."""


_LONGEST: Final = 2000
"""Characters of a problem that are shown."""

_RIGHT: Final = {
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "a table"),
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "string_type": "a text, in quotes",
    "path_type": "the path of a file, in quotes",
}
"""What is right where a value is of another type, in the words of the settings' file."""


class WrongSettings(Exception):
    """The settings cannot be used. `problems` has one line for each wrong key: where it is, and what would be right."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(_shown, problems))
        super().__init__("\n".join(self.problems))


def _shown(problem: str) -> str:
    """The problem on one line, which a terminal shows as it is; the middle of a very long one is left out."""
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in problem)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 2 :]}"


def load(path: Path | None) -> Settings:
    """Read the file, then the environment; None: the environment alone.

    A relative file, such as an issuer's `jwks_file`, lies beside the settings' file. Raises WrongSettings with every
    problem that there is.
    """
    data = _read(path) if path is not None else {}
    problems = list(_unknown_variables())
    settings = None
    try:
        with _not_too_deep(path):
            settings = _Layered(**data)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            problems += _problem_lines(details, path)
    except SettingsError as error:
        problems.append(_not_json(error))
    if problems or settings is None:
        raise WrongSettings(problems)
    return Settings.model_construct(**dict(settings))


def chosen(given: Path | None) -> Path | None:
    """The file to read: the one that was given, else `gateway.toml` here. None: there is none, only an environment.

    Without variables, too, it is the file that is missing.
    """
    if given is None and not DEFAULT.exists() and has_variables():
        return None
    return given or DEFAULT


def has_variables() -> bool:
    """Whether the environment has settings."""
    return any(_is_ours(name) for name in os.environ)


def load_system(path: Path | None, domain: str) -> System:
    """Read one system's section only, with the environment on top: `gateway driver-test` needs no other.

    Raises WrongSettings with every problem in that section.
    """
    data = _read(path) if path is not None else {}
    sections = data.get("systems")
    section = sections.get(domain) if isinstance(sections, dict) else None
    named = create_model("Systems", __config__=ConfigDict(extra="ignore"), **{domain: (System, ...)})  # type: ignore[call-overload]  # the field's name is a variable
    layered: Any = create_model("Layered", __base__=_OneSystem, systems=(named, ...))
    try:
        with _not_too_deep(path):
            systems = layered(systems={} if section is None else {domain: section})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise WrongSettings([line for one in details for line in _problem_lines(one, path)]) from error
    except SettingsError as error:
        raise WrongSettings([_not_json(error)]) from error
    system: System = getattr(systems.systems, domain)
    return system


def section_of(path: Path | None, domain: str, driver: str) -> str:
    """The name of the section for a domain's driver: the domain's own, or that of the system that it is part of.

    Raises WrongSettings as `load_system`.
    """
    whole, variable = DOMAINS[domain].part_of, f"{PREFIX}SYSTEMS__{domain}".upper()
    sections = (_read(path) if path is not None else {}).get("systems")
    if whole is None or not isinstance(sections, dict) or domain in sections:
        return domain
    if any(one == variable or one.startswith(f"{variable}__") for one in map(str.upper, os.environ)):
        return domain
    return whole if load_system(path, whole).driver == driver else domain


def _not_json(error: SettingsError) -> str:
    cause = error.__cause__
    if not isinstance(cause, NotJsonError):
        raise error
    return f"environment: {cause.variable}: a table is written as JSON here, not as plain text"


def _read(path: Path) -> dict[str, Any]:
    try:
        with _not_too_deep(path):
            # Editors of Windows begin a file with a byte order mark.
            return beside(tomllib.loads(path.read_text(encoding="utf-8-sig")), path.parent)
    except FileNotFoundError as error:
        problem = f"{path}: there is no such file; gateway.example.toml shows what it may hold"
        raise WrongSettings([problem]) from error
    except OSError as error:
        raise WrongSettings([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise WrongSettings([f"{path}: is not written in UTF-8 (byte {error.start})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings([f"{path}: is not TOML: {error}"]) from error
    except ValueError as error:
        raise WrongSettings([f"{path}: has a number with more digits than any setting takes"]) from error


@contextmanager
def _not_too_deep(path: Path | None) -> Iterator[None]:
    """Raise WrongSettings where tables and lists are nested so deeply that nothing can look into them."""
    try:
        yield
    except RecursionError as error:
        raise WrongSettings([f"{path or 'environment'}: has tables and lists that are nested too deeply"]) from error


class _Layered(BaseSettings, Settings):
    """The settings with the environment laid over what the constructor is given."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, strongest first: the environment, then what the constructor is given. No others."""
        return Environment(settings_cls), init_settings


class _OneSystem(BaseSettings):
    """Settings of which one system's section is read, and the rest may be missing or wrong."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As for the whole settings."""
        return Environment(settings_cls), init_settings


def _unknown_variables() -> Iterator[str]:
    """Variables that look like settings of ours and are none.

    Only names with two underscores do: Kubernetes sets GATEWAY_PORT and the like for a service called "gateway".
    """
    for name in filter(_is_ours, sorted(os.environ)):
        section, _, _ = name.upper().removeprefix(PREFIX).partition("__")
        if section.lower() not in Settings.model_fields:
            yield f"environment: {name}: {_unknown(section.lower(), list(Settings.model_fields))}"


def _is_ours(variable: str) -> bool:
    return variable.upper().startswith(PREFIX) and "__" in variable


def _problem_lines(
    details: ErrorDetails, path: Path | None, kind: type[BaseModel] = Settings, above: Sequence[str] = ()
) -> Iterator[str]:
    """Lines about one error in a model; `above` are the keys that lead to it."""
    location = details["loc"]
    if location[-1:] == ("[key]",) and details["type"] == "literal_error":
        own, _ = _key_path(kind, location[:-1], ())
        known = re.findall(r"'([^']+)'", details["ctx"]["expected"])
        keys = [*above, *own]
        yield f"{_source(keys, path)}: {_unknown(keys[-1], known)}"
        return
    own, siblings = _key_path(kind, location, ())
    keys = [*above, *own]
    if details["type"] == "missing" and keys == ["systems"]:
        for name, domain in DOMAINS.items():
            if domain.required:
                yield from _problem_lines({**details, "loc": ("systems", name)}, path)
        return
    if isinstance(wrong := details.get("ctx", {}).get("error"), WrongConfiguration):
        for one in wrong.errors:
            yield from _problem_lines(one, path, wrong.model, [*keys, wrong.section])
        return
    if details["type"] == "missing" and keys[0] == "systems" and len(keys) == 2:
        keys = [*keys, "url"]
    yield f"{_source(keys, path)}: {_problem(details, keys, siblings)}"


def _source(keys: Sequence[str], path: Path | None) -> str:
    if path is None:
        return f"environment: {PREFIX}{'__'.join(keys).upper()}"
    variables = {name.upper(): (name, value) for name, value in os.environ.items()}
    for length in range(len(keys), 0, -1):
        name, value = variables.get(PREFIX + "__".join(keys[:length]).upper(), ("", ""))
        if name and (length == len(keys) or value.lstrip().startswith(("{", "["))):
            return f"environment: {name}" + "".join(f".{key}" for key in keys[length:])
    return f"{path}: {'.'.join(keys)}"


def _problem(details: ErrorDetails, keys: Sequence[str], siblings: Sequence[str]) -> str:
    match details["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return _unknown(keys[-1], siblings)
        case "missing" if keys[0] == "systems" and keys[2:] == ["url"]:
            return f'missing: the address of the {DOMAINS[keys[1]].label}, e.g. "https://{keys[1]}.example"'
        case "missing":
            return "missing: this has to be set" + (f", or {keys[-1]}_file" if f"{keys[-1]}_file" in siblings else "")
        case "union_tag_invalid" | "union_tag_not_found":
            known = details["ctx"].get("expected_tags") or "'bearer', 'basic', 'api_key', 'oauth2'"
            return f"needs a kind, one of {known}"
        case known if known in _RIGHT:
            return f"should be {_RIGHT[known]}"
        case "value_error":
            return str(details["ctx"]["error"])
        case _:
            return details["msg"].removeprefix("Input ").removeprefix("String ")


def _unknown(key: str, siblings: Sequence[str]) -> str:
    if near := difflib.get_close_matches(key, siblings, n=1):
        return f"is not a setting here; did you mean {near[0]}?"
    return f"is not a setting here; there are: {', '.join(siblings)}"


def _key_path(kind: Any, location: Sequence[int | str], siblings: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """A location as pydantic reports it, as keys that stand in the file; and the keys known beside the last one.

    Pydantic also puts the member of a union into a location (`auth.bearer.token`): nobody wrote that one.
    """
    if not location:
        return [], siblings
    part, rest = location[0], location[1:]
    if get_origin(kind) is Annotated:
        return _key_path(get_args(kind)[0], location, siblings)
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not NoneType]
        if len(members) == 1:
            return _key_path(members[0], location, siblings)
        tagged = [member for member in members if part in get_args(_types_by_key(member).get("kind"))]
        return _key_path(tagged[0] if tagged else None, rest, siblings)
    if get_origin(kind) is tuple:
        keys, beside = _key_path(get_args(kind)[0], rest, ())
        return [str(part), *keys], beside
    if get_origin(kind) is dict:
        keys, beside = _key_path(get_args(kind)[1], rest, ())
        return [str(part), *keys], beside
    kinds = _types_by_key(kind)
    keys, beside = _key_path(kinds.get(str(part)), rest, list(kinds))
    return [str(part), *keys], beside


def _types_by_key(kind: Any) -> dict[str, Any]:
    """Types of the keys in a section, by key; empty if `kind` is not a section."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: hints[field.name] for field in fields(kind)}
    return {}
