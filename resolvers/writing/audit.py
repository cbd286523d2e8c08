"""What is told to the audit log of each outcome of a write."""

import asyncio
from dataclasses import dataclass
from typing import Final

from connectors.errors import ConnectorError
from connectors.store.writes import Phase, Pointer, WriteRecord
from connectors.writes import WriteKey
from resolvers.errors import PublicError
from resolvers.viewer import Viewer
from resolvers.writing.write import Outcome, Write

STORE: Final = "STORE_UNAVAILABLE"
NOT_DONE: Final = "not_done"


@dataclass(frozen=True, slots=True)
class Audited:
    """One outcome, for the audit log: no values of the input, and nothing that a system says, which may repeat them.

    `outcome`: done, refused, unknown, invalid (the caller's mistake) or not_done. `codes` are what the caller was told;
    `cause` is what a system or the store did.
    """

    caller: str
    mutation: str
    system: str
    key: str
    subject: str
    outcome: str
    result: str
    codes: tuple[str, ...]
    cause: str


def cause_of(failure: ConnectorError) -> str:
    """What a system did, as a code."""
    return failure.code if failure.status is None else f"{failure.code} {failure.status}"


def audited_end(
    viewer: Viewer, write: Write, key: WriteKey, record: WriteRecord, cause: str, task: "asyncio.Task[Outcome]"
) -> Audited:
    """What came of a write whose task has ended. `record` is the last that is known, `cause` what is known of why."""
    failure = None if task.cancelled() else task.exception()
    problems = () if task.cancelled() or failure is not None else task.result().problems
    codes = tuple(problem.code for problem in problems)
    if failure is not None:
        codes = (failure.code if isinstance(failure, ConnectorError | PublicError) else "INTERNAL",)
    match record.phase:
        case Phase.CLAIMED:
            outcome = "invalid" if problems else NOT_DONE
        case Phase.SENT:  # what came of it was not found out, or could not be kept
            outcome = Phase.UNKNOWN.value
        case phase:
            outcome = phase.value
    return audited(viewer, write, key, outcome=outcome, codes=codes, cause=cause, result=record.result)


def audited(
    viewer: Viewer,
    write: Write,
    key: WriteKey,
    *,
    outcome: str,
    codes: tuple[str, ...],
    cause: str,
    result: Pointer | None = None,
) -> Audited:
    """A line of the audit log."""
    made = f"{result.type}:{result.id}" if result else ""
    caller = f"{viewer.issuer} {viewer.subject}"
    return Audited(caller, write.mutation, write.system, key, write.subject, outcome, made, codes, cause)
