"""`gateway check`: do the documents of the manifests fit the schema and the limits?"""

import time
from collections.abc import Mapping

from graphql import GraphQLError

from connectors.secret_files import UnusableFile
from gateway.commands.findings import Finding
from gateway.manifests import documents_in
from gateway.settings import Settings


def checked_documents(settings: Settings) -> list[Finding]:
    """One line for all manifests; none without manifests. It takes some milliseconds for a document."""
    given = settings.documents
    if not given.manifest_files:
        return []
    started = time.monotonic()
    files = f"{len(given.manifest_files)} files"
    try:
        by_id = documents_in(given.manifest_files, given.most)
    except UnusableFile as error:  # changed since the settings were read
        hint = "Write the manifest again."
        return [Finding("documents", "manifests", files, "FAILED", detail=str(error), hint=hint)]
    count, wrong = len(set(by_id.values())), _wrong(settings, by_id)
    if not wrong:
        latency = (time.monotonic() - started) * 1000
        return [Finding("documents", "manifests", files, "ok", "-", "ok", latency, note=f"{count} documents")]
    first, why = next(iter(wrong.items()))
    detail = f"{len(wrong)} of {count} documents cannot be run, {first!r} among them: {why.message}"
    hint = "Build the portal with this gateway's schema.graphql, or widen graphql.limits; all others are served."
    return [Finding("documents", "manifests", files, "ok", "-", "FAILED", detail=detail, hint=hint)]


def _wrong(settings: Settings, by_id: Mapping[str, str]) -> dict[str, GraphQLError]:
    """By the first id of each document that cannot be run, why."""
    from gateway.engine import Engine  # here, because importing the schema takes the better part of a second
    from schema import build_schema

    engine = Engine(build_schema(), limits=settings.graphql.limits, compiling=False)
    first_ids: dict[str, str] = {}
    for one, text in by_id.items():
        first_ids.setdefault(text, one)
    found = {one: engine.prepare(text) for text, one in first_ids.items()}
    return {one: errors[0] for one, errors in found.items() if isinstance(errors, list)}
