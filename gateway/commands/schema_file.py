"""The schema as a file: printing it, comparing it, and what a change means for clients."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLError, GraphQLSchema, build_schema, find_breaking_changes, find_dangerous_changes


class UnreadableSchema(Exception):
    """A file does not hold a schema; the text says where it stops being one."""


class NotWritten(Exception):
    """The schema cannot be written into a file; the text says why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a client may notice, one sentence each: requests that fail now, and answers that may surprise."""

    breaking: Sequence[str]
    dangerous: Sequence[str]


def printed() -> str:
    """The code's schema with its weights, in the GraphQL schema definition language (SDL), ending in a newline."""
    import schema  # Here, because building it takes the better part of a second, and most commands need none.
    from gateway import schema_text

    return schema_text.printed(schema.build_schema())


def difference(path: Path, sdl: str, *, lines: int = 40) -> list[str]:
    """A unified diff from the file to `sdl`, cut after so many lines; empty when they are the same."""
    held = _text(path)
    if held == sdl:
        return []
    diff = list(difflib.unified_diff(held.splitlines(), sdl.splitlines(), str(path), "the code", lineterm="", n=2))
    more = len(diff) - lines
    return diff[:lines] + ([f"... and {more} lines more"] if more > 0 else [])


def write(path: Path, sdl: str) -> None:
    """Write the schema into the file. Raises NotWritten."""
    try:
        path.write_text(sdl, encoding="utf-8")
    except OSError as error:
        raise NotWritten(f"--file: {path} cannot be written: {error.strerror}") from error


def changes(old: Path, new: str) -> Changes:
    """What clients may notice when the schema in the file `old` becomes `new` (SDL). Raises UnreadableSchema."""
    before, after = _schema(_text(old), str(old)), _schema(new, "the code's schema")
    return Changes(
        [change.description for change in find_breaking_changes(before, after)],
        [change.description for change in find_dangerous_changes(before, after)],
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnreadableSchema(f"{path}: there is no such file; 'gateway schema --write' makes it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableSchema(f"{path}: cannot be read: {error}") from error


def _schema(sdl: str, name: str) -> GraphQLSchema:
    try:
        return build_schema(sdl)
    except GraphQLError as error:
        line = f", line {error.locations[0].line}" if error.locations else ""
        raise UnreadableSchema(f"{name}{line}: {error.message}") from error
    except TypeError as error:  # graphql-core's way of saying that definitions contradict each other.
        raise UnreadableSchema(f"{name}: {error}") from error
