"""`gateway explain FILE`: what the gateway will do for the operations in a file, before it does it."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from graphql import GraphQLError
from rich.console import Console
from rich.text import Text

from connectors import DOMAINS, connect, served_by
from gateway.engine import Engine, Explanation, Prepared
from gateway.settings import Settings
from schema import build_schema


class UnusableDocument(Exception):
    """The file or the variables cannot be used; the text says why, and what would be right."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An operation's name, its explanation, and the Python that is generated for it."""

    name: str
    explanation: Explanation
    code: Sequence[str] = ()


def explain(
    file: Path, operation_name: str | None, variables: str | None, systems: Collection[str] | None = None
) -> list[Explained]:
    """Explain every operation of the file, or only the one with this name. Raises `UnusableDocument`.

    `systems` are those in the settings; by default those that have no part of their own for what another one keeps.
    """
    named = [one.name for one in DOMAINS.values() if one.part_of is None] if systems is None else systems
    engine = Engine(build_schema(), served_by=served_by(named))
    prepared = engine.prepare(_read(file))
    if not isinstance(prepared, Prepared):
        raise UnusableDocument("\n".join(f"{file}{_place(error)}: {error.message}" for error in prepared))
    given = _given(variables)
    names = [operation_name] if operation_name else list(prepared.operations)
    explained = []
    for name in names:
        operation = engine.operation(prepared, name)
        if isinstance(operation, GraphQLError):
            raise UnusableDocument(f"{file}: {operation.message}")
        explanation = engine.explain(prepared, operation, given)
        if not isinstance(explanation, Explanation):
            raise UnusableDocument("\n".join(f"--variables: {error.message}" for error in explanation))
        code = [one for one in engine.code(prepared, operation, given) if isinstance(one, str)]
        explained.append(Explained(name or "the operation", explanation, code))
    return explained


async def one_by_one(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """By system, the methods and attributes that take one call per key, and why. No system is called."""
    async with aiohttp.ClientSession() as session:
        systems = connect(settings.systems.by_domain, session).systems
        drivers = {one.name: one.drivers.values() for one in systems}
        return {
            name: {what: why for one in made for what, why in getattr(one, "one_by_one", {}).items()}
            for name, made in drivers.items()
        }


def warnings(explained: Sequence[Explained], costly: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """One sentence for each method or attribute in these operations that takes a call per key or record."""
    read = defaultdict[str, set[str]](set)
    for load in [load for one in explained for step in one.explanation.steps for load in step]:
        if load.system is not None:
            read[load.system].update(load.reads)
    for system in sorted(read):
        for name, reason in costly.get(system, {}).items():
            attribute = name.partition(".")[2]
            if not attribute:
                yield f"{system}: {name} costs a call per key: {reason}"
            elif attribute in read[system]:
                yield f"{system}: {name} costs a call per record: {reason}"


def show_code(explained: Sequence[Explained], console: Console) -> None:
    """Print the Python that is generated for each operation."""
    for one in explained:
        because = f", run by graphql-core because of {one.explanation.fallback}" if one.explanation.fallback else ""
        console.print(Text(f"# {one.name}{because}"), soft_wrap=True)
        for code in one.code:
            console.print(Text(code), soft_wrap=True, end="")


def show(explained: Sequence[Explained], console: Console) -> None:
    """Print the steps of each operation."""
    for one in explained:
        name, explanation = one.name, one.explanation
        if explanation.fallback is not None:
            console.print(Text(f"{name}: run by graphql-core, field by field, because of {explanation.fallback}"))
            continue
        loads = sum(map(len, explanation.steps))
        console.print(Text(f"{name}: {_many(loads, 'load')} in {_many(len(explanation.steps), 'step')}", style="bold"))
        for number, step in enumerate(explanation.steps, 1):
            console.print(Text(f"  step {number}"))
            for load in step:
                line = Text(f"    {', '.join(load.fields)}  ")
                line.append(load.loader, style="cyan")
                line.append(f" ({load.system or '-'}) by {load.keys}")
                console.print(line, soft_wrap=True)
                notes = [f"reads {', '.join(load.reads)}" if load.reads else ""]
                notes.append(f"begins early: {load.early}" if load.early else "")
                notes.append(f"only where {load.only_if}" if load.only_if else "")
                console.print(Text("      " + "; ".join(filter(None, notes)), style="dim"), soft_wrap=True)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableDocument(f"{file}: cannot be read: {error}") from error


def _given(variables: str | None) -> dict[str, Any]:
    """Variables from a JSON text; empty for None. Raises `UnusableDocument`."""
    if variables is None:
        return {}
    try:
        given = json.loads(variables)
    except (ValueError, RecursionError) as error:
        raise UnusableDocument(f"--variables: not JSON: {error}") from error
    if not isinstance(given, dict):
        raise UnusableDocument('--variables: must be a JSON object, such as \'{"id": "1001"}\'')
    return given


def _place(error: GraphQLError) -> str:
    return f":{error.locations[0].line}" if error.locations else ""
