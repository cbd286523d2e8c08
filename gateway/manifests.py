"""Manifests: files with the documents of a portal, which its build writes.

Two formats are read, and told apart by themselves:

- that of `@apollo/generate-persisted-query-manifest` (version 1): `operations`, each with `id` and `body`;
- an object of documents by their id, as Relay's `persistConfig` and the client preset of GraphQL Code Generator write.

Whatever the id is, a document is also known by that of GraphQL over HTTP (appendix A): `sha256:` and the hash of its
text.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from connectors.secret_files import UnusableFile, read_bytes

LARGEST: Final = 32 * 1024 * 1024
"""Most bytes of a manifest."""

SHA256: Final = "sha256:"
"""What an id begins with that is the hash of the document (GraphQL over HTTP, appendix A)."""

_APOLLO: Final = "apollo-persisted-query-manifest"


def documents_in(paths: Iterable[Path], most: int) -> dict[str, str]:
    """The documents of all manifests by each of their ids. At most so many documents.

    Raises UnusableFile for a file that cannot be read, has another format, or contradicts another one.
    """
    found: dict[str, str] = {}
    of_file: dict[str, Path] = {}
    for path in paths:
        for given, text in _documents(path).items():
            for one in (given, sha256_id(text)):
                if found.setdefault(one, text) != text:
                    raise UnusableFile(f"{path}: {one!r} is another document than in {of_file[one]}")
                of_file.setdefault(one, path)
    count = len(set(found.values()))
    if count > most:
        raise UnusableFile(f"the manifests have {count} documents; documents.most is {most}")
    return found


def sha256_id(text: str) -> str:
    """The id of a document by GraphQL over HTTP."""
    return SHA256 + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _documents(path: Path) -> Mapping[str, str]:
    try:
        content = orjson.loads(read_bytes(path, LARGEST))
    except orjson.JSONDecodeError as error:
        raise UnusableFile(f"{path}: is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise UnusableFile(f"{path}: is no manifest: it must be a JSON object")
    by_id = _of_apollo(path, content) if "format" in content else content
    for given, text in by_id.items():
        if not given or not isinstance(text, str) or not text.strip():
            raise UnusableFile(f"{path}: {given!r}: must be a document under its id, a text that is not empty")
        if given.startswith(SHA256) and given != sha256_id(text):
            raise UnusableFile(f"{path}: {given!r} is not the hash of its document, which is {sha256_id(text)!r}")
    return by_id


def _of_apollo(path: Path, content: dict[str, Any]) -> dict[str, str]:
    if content["format"] != _APOLLO or content.get("version") != 1:
        raise UnusableFile(f"{path}: has another format than {_APOLLO!r}, version 1")
    operations = content.get("operations")
    if not isinstance(operations, list):
        raise UnusableFile(f"{path}: operations: must be a list")
    by_id: dict[str, str] = {}
    for at, one in enumerate(operations):
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or not isinstance(one.get("body"), str):
            raise UnusableFile(f"{path}: operations.{at}: must have the texts id and body")
        if by_id.setdefault(one["id"], one["body"]) != one["body"]:
            raise UnusableFile(f"{path}: operations.{at}: {one['id']!r} is the id of two documents")
    return by_id
