"""How the gateway learns what changes in one system."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from connectors.secret_files import WithSecrets
from connectors.settings import Auth


class EventSource(WithSecrets):
    """`[live.sources.DOMAIN]`: hub, webhook and polling of one system."""

    hub: Annotated[
        bool, Field(description="Whether the gateway registers at the system's TM Forum hubs (live.callback_url).")
    ] = False
    secret: Annotated[
        str | None,
        Field(
            repr=False,
            min_length=16,
            description="What an event must prove: part of the callback's path (hubs, Request Tracker), or the key of"
            " the webhook's signature (BottleCRM, Nautobot). Without it the system can send nothing.",
        ),
    ] = None
    secret_file: Annotated[Path | None, Field(description="File with the secret.")] = None
    poll: Annotated[
        float,
        Field(ge=0, description="Seconds between two questions for what changed; 0: never. Hubs lose events, so poll."),
    ] = 30.0
    stream: Annotated[
        bool, Field(description="Whether the stream of events is followed that the system keeps open (Icinga).")
    ] = True
    events_per_second: Annotated[
        float, Field(gt=0, description="Most events taken from the system; what comes faster is refused with 429.")
    ] = 500.0
    credentials: Annotated[
        Auth | None,
        Field(
            description="The gateway's own credentials for reading what changed, where the system's auth is 'forward'."
            " Without them its changes cannot be followed."
        ),
    ] = None
