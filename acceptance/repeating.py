"""Clients that repeat each write with its key, at one worker and then at the other, until they know what came of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from acceptance.workers import NoAnswer
from connectors.writes import WriteKey
from gateway.commands.demo_keys import RULES
from resolvers.viewer import Viewer, ViewerKind
from resolvers.writing.writes import write_key

CLIENTS: Final = 16
PAUSE: Final = 0.05
"""Seconds between two tries of a client."""
NO_ANSWER: Final = "no answer"
RETRYABLE: Final = frozenset(
    {
        "IDEMPOTENCY_IN_PROGRESS",
        "OUTCOME_UNKNOWN",
        "PAYMENT_UNKNOWN",
        "WRITE_NOT_DONE",
        "UPSTREAM_UNAVAILABLE",
        "UPSTREAM_TIMEOUT",
    }
)
"""Codes of errors after which a client asks again with the same key."""

Ask: TypeAlias = Callable[[int, str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Ask one of two workers (0 or 1) a document as a caller, with an input: the body. Raises `NoAnswer`."""


class Unexpected(Exception):
    """An answer that a client with a key must never get; the text is the answer."""


class Job(NamedTuple):
    """One write: a document with a field `done`, who asks it, and its input with an `idempotencyKey`."""

    document: str
    who: str
    given: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The client's key."""
        return str(self.given["idempotencyKey"])


@dataclass(slots=True)
class Repeated:
    """What came of each client's key, and how often a try ended without an outcome, by code."""

    outcomes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)


async def repeated(
    ask: Ask,
    jobs: Sequence[Job],
    half_way: Callable[[], Awaitable[None]],
    *,
    clients: int = CLIENTS,
    so_far: Repeated | None = None,
) -> Repeated:
    """All jobs by so many clients; `half_way` runs beside them once half of the jobs have an outcome.

    `so_far` is filled meanwhile, for who looks on, and for who does not wait for the end. Raises `Unexpected`.
    """
    found = Repeated() if so_far is None else so_far
    waiting, half = list(reversed(jobs)), asyncio.Event()

    async def work(turn: int) -> None:
        while waiting:
            job = waiting.pop()
            while (outcome := await _tried(ask, turn % 2, job, found.codes)) is None:
                turn += 1
                await asyncio.sleep(PAUSE)
            turn += 1
            found.outcomes[job.key] = outcome
            if 2 * len(found.outcomes) >= len(jobs):
                half.set()

    async def beside() -> None:
        await half.wait()
        await half_way()

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(work(number))
        group.create_task(beside())
    return found


async def _tried(ask: Ask, worker: int, job: Job, codes: Counter[str]) -> Mapping[str, Any] | None:
    """The payload where it says what came of the write; None, and a code is counted, where nobody knows yet."""
    try:
        body = await ask(worker, job.document, job.who, job.given)
    except NoAnswer:
        codes[NO_ANSWER] += 1
        return None
    done: Mapping[str, Any] | None = (body.get("data") or {}).get("done")
    errors = body.get("errors", [])
    if done is not None and not errors:
        return done
    told = {error["extensions"]["code"] for error in errors}
    # With a payload: it was done, and could not be read afterwards.
    if not told or told - RETRYABLE or (done is not None and done["userErrors"]):
        raise Unexpected(str(body))
    codes.update(told)
    return None


def key_of(who: str, mutation: str, key: str) -> WriteKey:
    """What the systems are given for the key of a client with a demo's token."""
    kind, numbers = (ViewerKind.AGENT, ()) if who == "agent" else (ViewerKind.CUSTOMER, (who,))
    subject = ":".join(("demo", kind.value, *numbers))
    return write_key(Viewer(kind, numbers, subject=subject, issuer=RULES.issuer), mutation, key)
