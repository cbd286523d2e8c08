"""The tables of docs/settings.md: every key, its type, its default, and what it does, as the models say it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors.settings import System
from gateway.settings import Settings

_PLAIN: Final[Mapping[Any, str]] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true, false",
    Path: "file",
    Any: "anything",
    IPv4Network: "network",
    IPv6Network: "network",
}
_BOUNDS: Final = {Ge: (">=", "ge"), Gt: (">", "gt"), Le: ("<=", "le"), Lt: ("<", "lt")}


class Key(NamedTuple):
    """One key: its whole path, what it may be, its default as TOML has it, and what it does."""

    path: str
    kind: str
    default: str
    does: str


class _Known(NamedTuple):
    annotation: Any
    metadata: tuple[Any, ...]
    default: Any
    """MISSING where it has to be set."""
    does: str


def keys() -> Mapping[str, list[Key]]:
    """The keys of each section, in the order of the settings. `systems.<domain>` stands for each domain."""
    found: dict[str, list[Key]] = {}
    shown: dict[Any, str] = {}
    for name, known in _known(Settings).items():
        place, kind = ("systems.<domain>", System) if name == "systems" else (name, known.annotation)
        found[place] = list(_of_section(kind, place, known.default, shown))
    return found


def tables() -> str:
    """A heading and a table for each section."""
    lines: list[str] = []
    for section, found in keys().items():
        lines += [f"## {section}", "", "| key | type | default | what it does |", "| --- | --- | --- | --- |"]
        lines += [f"| `{one.path}` | {one.kind} | {one.default} | {one.does} |" for one in found]
        lines.append("")
    return "\n".join(lines[:-1])


def _of_section(kind: Any, place: str, given: Any, shown: dict[Any, str]) -> Iterator[Key]:
    """The keys of what a section may be. `given`: its default; `shown`: where each that was listed is."""
    models = _models(kind)
    if all(model in shown for model in models) and _is_usual(given, models[0]):
        if shown[models[0]] != place:
            yield Key(place, "section", "", f"As `{shown[models[0]]}`.")
        return
    for model in models:
        shown.setdefault(model, place)
        named = _tag(model)
        if named:
            yield Key(f"{place}.kind", f'`"{named}"`', "", _first_line(model))
        for name, known in _known(model).items():
            if name == "kind" and named:
                continue
            path = f"{place}.{name}"
            below = _below(known.annotation)
            default = getattr(given, name) if isinstance(given, model) else known.default
            if below is None:
                yield Key(path, _shown(known), _default(default), _cell(known.does))
            else:
                yield from _of_section(below[0], path + below[1], default, shown)


def _is_usual(given: Any, model: Any) -> bool:
    """Whether a section's default says nothing that the defaults of its keys do not."""
    if given is None or given is MISSING or given == ():
        return True
    return all(getattr(given, name) == one.default for name, one in _known(model).items())


def _models(kind: Any) -> list[Any]:
    """The sections that a type may be; none for a value."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _models(get_args(kind)[0])
    if origin in (Union, UnionType):
        return [model for one in get_args(kind) if one is not NoneType for model in _models(one)]
    return [kind] if isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind)) else []


def _below(kind: Any) -> tuple[Any, str] | None:
    """The sections that are below a key, and how their place is written; None for a value."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _below(arguments[0])
    if origin is tuple and _models(arguments[0]):
        return arguments[0], "[]"
    if origin in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        return (arguments[1], ".<name>") if _models(arguments[1]) else None
    return (kind, "") if _models(kind) else None


def _known(model: Any) -> Mapping[str, _Known]:
    if issubclass(model, BaseModel):
        return {
            name: _Known(
                field.annotation,
                tuple(field.metadata),
                MISSING if field.is_required() else field.get_default(call_default_factory=True),
                field.description or "",
            )
            for name, field in model.model_fields.items()
        }
    hints, found = get_type_hints(model, include_extras=True), dict[str, _Known]()
    for one in fields(model):
        kind, metadata = hints[one.name], list[Any]()
        if get_origin(kind) is Annotated:
            kind, *metadata = get_args(kind)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        infos = [it for it in metadata if isinstance(it, FieldInfo)]
        texts = [it for it in (*metadata, *(it.description for it in infos)) if isinstance(it, str)]
        bounds = (*metadata, *(bound for it in infos for bound in it.metadata))
        found[one.name] = _Known(kind, bounds, default, " ".join(texts))
    return found


def _tag(model: Any) -> str:
    """What `kind` is in a section that is one of several."""
    known = _known(model).get("kind")
    given = get_args(known.annotation) if known and get_origin(known.annotation) is Literal else ()
    return str(given[0]) if len(given) == 1 else ""


def _first_line(model: Any) -> str:
    return _cell((model.__doc__ or "").strip().partition("\n")[0])


def _shown(known: _Known) -> str:
    bounds = [
        f"{sign} {getattr(one, name):g}" if isinstance(getattr(one, name), int | float) else ""
        for one in known.metadata
        for kind, (sign, name) in _BOUNDS.items()
        if isinstance(one, kind)
    ]
    return ", ".join(filter(None, [_kind(known.annotation), *bounds]))


def _kind(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{json.dumps(one)}`" for one in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_kind(one) for one in arguments if one is not NoneType))
    if origin in (tuple, list, frozenset):
        return f"list of: {_kind(arguments[0])}"
    if origin is not None and len(arguments) == 2:
        return f"table of: {_kind(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{json.dumps(one.value)}`" for one in kind)
    return _PLAIN.get(kind, "text")


def _default(given: Any) -> str:
    if given is MISSING or given is ...:
        return "has to be set"
    if given is None:
        return ""
    return f"`{_toml(given)}`"


def _toml(given: Any) -> str:
    if isinstance(given, bool | int | float | str):
        return json.dumps(given)
    if isinstance(given, Enum):
        return json.dumps(given.value)
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in given.items()) + "}"
    if isinstance(given, tuple | list | frozenset):
        return "[" + ", ".join(sorted(map(_toml, given)) if isinstance(given, frozenset) else map(_toml, given)) + "]"
    return json.dumps(str(given))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
