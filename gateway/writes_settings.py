"""`[writes]`: who may change what, where it is kept what came of it, and how long a write may take."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from connectors.settings import System
from connectors.strict import Strict
from connectors.texts import one_line
from resolvers.viewer import Viewer


def _caller(name: str) -> str:
    name = one_line(name)
    if name not in ("customer", "agent", "admin") and not (name.startswith("role:") and name != "role:"):
        raise ValueError(f'should be "customer", "agent", "admin" or "role:NAME", not "{name}"')
    return name


def _listed(callers: Any) -> Any:
    if isinstance(callers, str):
        raise ValueError(f'should be a list, such as ["{callers}"]; [] is for nobody')  # noqa: TRY004  # pydantic's way
    return callers


Mutation = Literal[
    "openTicket", "addTicketNote", "closeTicket", "reopenTicket", "assignTicket", "payBill", "updateContact"
]
Callers = Annotated[tuple[Annotated[str, AfterValidator(_caller)], ...], BeforeValidator(_listed)]

Wrong: TypeAlias = tuple[tuple[str, ...], str]
"""A key's place in the settings, and what would be right there."""

FOR_ONE_PROCESS = (
    "writes.in_process: every process would know its own writes only: there must be one, or redis.writes_url be set"
)


class WritesSettings(Strict):
    """`[writes]`: who may change what, and how long a write may take."""

    enabled: Annotated[bool, Field(description="Whether anything may be written through the gateway.")] = False
    allow: Annotated[
        dict[Mutation, Callers],
        Field(
            description='Who may use a mutation: customer, agent, admin, or "role:NAME" of the token. Who is not named'
            " here may not use it; a mutation that is not named is for all kinds of callers."
        ),
    ] = {}
    in_process: Annotated[
        bool,
        Field(
            description="What became of a write is kept in the only process, and lost with it: for tickets and contact"
            " data, without redis.writes_url. Bills cannot be paid then."
        ),
    ] = False
    keep: Annotated[float, Field(ge=600, description="Seconds for which it is known what became of a key.")] = 86_400.0
    lease: Annotated[
        float, Field(ge=5, description="Seconds after which a process that says nothing is taken for dead.")
    ] = 30.0
    wait: Annotated[float, Field(gt=0, description="Seconds that a request waits for another with its key.")] = 10.0
    patience: Annotated[float, Field(gt=0, description="Seconds that a write may take in all.")] = 60.0

    def allows(self, viewer: Viewer, mutation: str) -> bool:
        """Whether this caller may use a mutation at all."""
        if not self.enabled:
            return False
        allowed = self.allow.get(mutation)  # type: ignore[call-overload]  # names of mutations are these
        return allowed is None or viewer.kind.value in allowed or any(f"role:{one}" in allowed for one in viewer.roles)


def wrong(
    writes: WritesSettings, systems: Mapping[str, System], *, writes_url: str | None, workers: int
) -> list[Wrong]:
    """What does not fit together; nothing where nothing may be written."""
    if not writes.enabled:
        return []
    return [*_kept(writes, writes_url, workers), *_times(writes, systems)]


def _kept(writes: WritesSettings, writes_url: str | None, workers: int) -> Iterator[Wrong]:
    if writes_url:
        return
    if not writes.in_process:
        yield (
            ("writes", "enabled"),
            "what becomes of each write must be kept for all processes: set redis.writes_url; or, for tickets and"
            " contact data in one process, writes.in_process",
        )
        return
    if workers > 1:
        yield ("server", "workers"), f"should be 1, not {workers}, with {FOR_ONE_PROCESS}"
    if writes.allow.get("payBill") != ():
        yield (
            ("writes", "in_process"),
            "a payment would be forgotten with the process: set redis.writes_url, or writes.allow.payBill = []",
        )


def _times(writes: WritesSettings, systems: Mapping[str, System]) -> Iterator[Wrong]:
    for name, system in systems.items():
        call = system.timeout + system.connect_timeout
        if writes.lease <= call:
            yield (
                ("writes", "lease"),
                f"should be more than {call:g}, which is systems.{name}.timeout + connect_timeout, not"
                f" {writes.lease:g}: a process that waits for that system would be taken for dead",
            )
        whole = call + system.timeout + system.reads_after
        if writes.patience < whole:
            yield (
                ("writes", "patience"),
                f"should be at least {whole:g}, which is 2 * systems.{name}.timeout + connect_timeout + reads_after,"
                f" not {writes.patience:g}: a write is sent, looked for where its answer was lost, and waited for until"
                " it shows",
            )
    if writes.keep <= writes.lease + writes.patience:
        yield (
            ("writes", "keep"),
            f"should be more than writes.lease + writes.patience ({writes.lease + writes.patience:g}), not"
            f" {writes.keep:g}: a write would be forgotten while it is under way",
        )
