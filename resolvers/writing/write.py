"""One write as its mutation knows it, what came of it, and how long it may take: what `Writes` does once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from connectors.records import Fields
from connectors.store.writes import Pointer, Problem
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.errors import OutcomeUnknown


@dataclass(frozen=True, slots=True)
class WriteRules:
    """How long things may take, in seconds.

    `lease`: how long a claim lasts without its holder saying that it goes on; longer than a system may take to answer.
    `wait`: how long a second request with the same key waits for the first.
    `patience`: how long a write may take in all, whoever waits for it.
    `reads_after`: by domain, after how long a system shows what was written to it, at the latest.
    `settles`: by domain, after how long a system that does not show a write has not done it: it covers the `lease`, in
    which it may have been sent, the time that it may have been on its way since, and `reads_after`.
    """

    lease: float = 30.0
    wait: float = 10.0
    patience: float = 60.0
    settles: Mapping[str, float] = field(default_factory=dict)
    reads_after: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a write: a record to be read, or what the caller did wrong."""

    result: Pointer | None = None
    problems: tuple[Problem, ...] = ()


class Write:
    """One write as its mutation knows it. `decided`: what its input left open, settled by `check`."""

    mutation: ClassVar[str]
    system: ClassVar[str]
    """The domain whose system is written to."""
    result: ClassVar[str]
    """The type of what comes of it."""
    needs: ClassVar[Mapping[str, Fields]] = {}
    """What `owned` and `check` look at beside ids and owners: attributes by type, as in a selection."""
    looks_first: ClassVar[bool] = True
    """Whether the system is asked for the key before the write is sent; not where the state tells as much."""
    unknown: ClassVar[type[OutcomeUnknown]] = OutcomeUnknown

    def __init__(self) -> None:
        self.decided: dict[str, str] = {}

    @property
    def fingerprint(self) -> str:
        """The same for inputs that mean the same, and for no others."""
        raise NotImplementedError

    @property
    def lock(self) -> str | None:
        """What only one write at a time may change."""
        return None

    @property
    def subject(self) -> str:
        """The global id of what is written to, for the audit log."""
        raise NotImplementedError

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        """What the viewer may not write to, or does not exist. Raises `ConnectorError`."""
        raise NotImplementedError

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        """What is wrong with the state and the amounts. Raises `ConnectorError`.

        It settles `decided`, as far as it can also where something is wrong: `find` may need it.
        """
        raise NotImplementedError

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        """Send the write, once: the id of what came of it. Raises `ConnectorError`."""
        raise NotImplementedError

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        """The id of what came of the write, where the system shows it now. Raises `ConnectorError`."""
        raise NotImplementedError

    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Where in the input the attributes of the record stand that is written, for a system that names one."""
        return {}
