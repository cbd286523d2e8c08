"""`[live]`: whether clients may follow what changes, how many, for how long, and how the gateway learns of it."""

from typing import Annotated, Final

from pydantic import Field

from connectors.events.settings import EventSource
from connectors.strict import Strict
from connectors.texts import IF_ANY_BASE
from gateway.writes_settings import Wrong

FOR_ONE_PROCESS: Final = (
    "live.enabled: every process would tell its own clients only what it heard itself: there must be one, or redis.url"
    " be set"
)


class LiveLimits(Strict):
    """`[live.limits]`: connections that stay open, and what may come over them."""

    connections: Annotated[int, Field(ge=1, description="Most open connections of one process.")] = 20_000
    connections_per_caller: Annotated[int, Field(ge=1, description="Most of one caller, in one process.")] = 20
    operations: Annotated[int, Field(ge=1, description="Most operations under way on one connection.")] = 50
    message_bytes: Annotated[int, Field(ge=1024, description="Largest message from a client.")] = 64 * 1024
    messages_per_second: Annotated[
        float, Field(gt=0, description="Messages of one client that are heeded, over time; of ten seconds at once.")
    ] = 5.0
    flood: Annotated[
        float, Field(gt=0, description="Seconds for which a client may send more than that, before it is disconnected.")
    ] = 10.0
    uninitialised: Annotated[
        int, Field(ge=1, description="Most connections that wait to be initialised; those that wait longest give way.")
    ] = 1_000
    initialise: Annotated[float, Field(gt=0, description="Seconds in which a connection must be initialised.")] = 10.0
    ping: Annotated[float, Field(gt=0, description="Seconds without a message after which a client is pinged.")] = 25.0
    pong: Annotated[float, Field(gt=0, description="Seconds in which it must answer.")] = 20.0
    send: Annotated[
        float, Field(gt=0, description="Seconds after which a client that does not read is disconnected.")
    ] = 30.0


class LiveSettings(Strict):
    """`[live]`: subscriptions."""

    enabled: Annotated[bool, Field(description="Whether clients may subscribe.")] = False
    origins: Annotated[
        tuple[str, ...],
        Field(
            description='Origins of pages that may open a WebSocket, such as "https://portal.example"; "*" for all. A'
            " client that sends no Origin is no browser, and may."
        ),
    ] = ()
    callback_url: Annotated[
        str | None,
        IF_ANY_BASE,
        Field(
            description="Address at which the systems reach this gateway: they post to callback_url/events/...",
        ),
    ] = None
    leave: Annotated[
        float, Field(ge=0, description="Seconds over which clients are asked to reconnect when the process ends.")
    ] = 3.0
    limits: LiveLimits = LiveLimits()
    sources: Annotated[dict[str, EventSource], Field(description="By domain: how its changes are learnt.")] = {}


def wrong(live: LiveSettings, *, redis_url: str | None, workers: int) -> list[Wrong]:
    """What does not fit together; nothing where nobody may subscribe."""
    if live.enabled and redis_url is None and workers > 1:
        return [(("server", "workers"), f"should be 1, not {workers}, with {FOR_ONE_PROCESS}")]
    return []
