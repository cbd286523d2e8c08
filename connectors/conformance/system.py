"""Checks of the system as a whole: its probe, its credentials and its documents."""

from typing import Any, Final

from pydantic import BaseModel

from connectors.conformance.failing import NOT_FOUND, at_address, failing_server, unused_address
from connectors.conformance.trial import Failure, Skipped, Trial, brief, describe_error
from connectors.errors import ConnectorError, Refused, Unreachable
from connectors.records import Document
from connectors.secret_files import WithSecrets
from connectors.settings import PERSONAL

_LARGEST: Final = 64 * 1024
"""Most bytes of a document that are read."""


async def probe(trial: Trial) -> str:
    """Check that `probe` succeeds, and sends a request."""
    outcome = await trial.attempt(lambda: trial.driver.probe())
    if outcome.error is not None:
        raise Failure(f"probe() {describe_error(outcome.error)}; right would be one cheap read that succeeds.")
    if not outcome.calls:
        raise Failure("probe() sent nothing; right is one cheap read, or health would say nothing of the system.")
    return f"{outcome.calls} calls"


async def probe_errors(trial: Trial) -> str:
    """Check that `probe` fails without a server, and (unless `empty_is_404`) at a server that answers 404."""
    async with unused_address() as address:
        await _probe_fails(trial, address, "nobody listens", (Unreachable,))
    if trial.empty_is_404:
        return "nobody there"
    async with failing_server(NOT_FOUND) as address:
        await _probe_fails(trial, address, f"a server {NOT_FOUND.description}", NOT_FOUND.right)
    return "nobody there, and nothing found"


async def _probe_fails(trial: Trial, address: str, where: str, right: tuple[type[ConnectorError], ...]) -> None:
    driver = trial.build(at_address(trial.system, address))
    outcome = await trial.attempt(lambda: driver.probe())
    if not isinstance(outcome.error, right):
        came = "answered" if outcome.error is None else describe_error(outcome.error)
        raise Failure(f"probe(), where {where}, {came}; right is {' or '.join(one.__name__ for one in right)}.")


async def credentials(trial: Trial) -> str:
    """Check that wrong credentials are `Refused`."""
    auth: Any = trial.system.auth
    if not trial.check_credentials:
        raise Skipped("--no-auth-check: wrong credentials were not tried.")
    if not isinstance(auth, BaseModel):
        raise Skipped("the settings name no credentials that could be wrong.")
    if not isinstance(auth, WithSecrets) or not (given := _given(auth)):
        raise Skipped("the settings name no secret that could be wrong.")
    secret, text = given
    wrong = auth.model_copy(update={secret: _spoiled(text), f"{secret}_file": None})
    driver = trial.build(trial.system.model_copy(update={"auth": wrong}))
    outcome = await trial.attempt(lambda: driver.probe())
    if not isinstance(outcome.error, Refused):
        came = "answered" if outcome.error is None else describe_error(outcome.error)
        raise Failure(f"probe() with a wrong {secret} {came}; right is Refused.")
    return f"a wrong {secret}"


def _given(auth: WithSecrets) -> tuple[str, str] | None:
    """The secret's name, and what it is; None where there is none, or each caller has another."""
    if isinstance(auth, PERSONAL):
        return None
    found = ((name, auth.secret_named(name).text) for name in auth.secret_names())
    return next(((name, text) for name, text in found if text), None)


def _spoiled(secret: str) -> str:
    """A wrong secret of the same length, characters and scheme ("Token ...")."""
    scheme, space, value = secret.rpartition(" ")
    return f"{scheme}{space}{value[::-1] if value != value[::-1] else value + '0'}"


async def document(trial: Trial) -> str:
    """Check that a document of a record can be opened and has bytes."""
    if not hasattr(trial.driver, "open_document"):
        raise Failure("open_document is missing; right is a method that opens a document, or raises NotSupported.")
    rows = [row for rows in trial.samples.values() for row in rows.values()]
    found = [one for row in rows for name in ("documents", "attachments") for one in getattr(row, name, ())]
    if not found:
        raise Skipped("none of the records that were read has a document.")
    first: Document = found[0]

    async def read() -> int | None:
        async with trial.driver.open_document(first) as content:
            if content is None:
                return None
            size = 0
            async for piece in content:
                size += len(piece)
                if size >= _LARGEST:
                    break
            return size

    outcome = await trial.attempt(read)
    if outcome.error is not None:
        raise Failure(
            f"open_document({brief(first.id)} of {first.owner}) {describe_error(outcome.error)}; right are its bytes."
        )
    if outcome.value is None:
        return f"the file of {first.id} is gone"
    if not outcome.value:
        raise Failure(f"open_document({brief(first.id)} of {first.owner}) gave no bytes; right is the file.")
    return f"{outcome.value} bytes"
