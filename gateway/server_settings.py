"""`[server]`: where the gateway listens, what a connection may cost it, and how it ends."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from connectors.strict import Strict
from connectors.texts import BaseAddress, names_a_user


class ConnectionLimits(Strict):
    """`[server.limits]`: what clients may cost one process before it knows them. docs/limits.md says more."""

    connections: Annotated[
        int, Field(ge=1, description="Most open connections, without those that stay open for subscriptions.")
    ] = 4096
    connections_per_address: Annotated[
        int, Field(ge=0, description="Most from one address that is no trusted proxy's; 0: any number.")
    ] = 1000
    descriptors: Annotated[
        int, Field(ge=16, description="Descriptors kept free for what is neither a client's nor a call to a system.")
    ] = 64
    request_line: Annotated[int, Field(ge=256, description="Bytes of a request's address, with its query.")] = 16 * 1024
    header_bytes: Annotated[int, Field(ge=1024, description="Bytes of a request's headers.")] = 32 * 1024
    headers: Annotated[int, Field(ge=1, description="Headers of a request, with those after its body.")] = 100
    header_timeout: Annotated[
        float, Field(gt=0, description="Seconds for a request's headers, from when it or the connection began.")
    ] = 10.0
    body_timeout: Annotated[
        float, Field(gt=0, description="Seconds for a body, and one more for each body_rate bytes that have come.")
    ] = 10.0
    body_rate: Annotated[float, Field(gt=0, description="Bytes a second, of a body that takes longer.")] = 1024.0
    keep_alive: Annotated[int, Field(ge=1, description="Seconds for which an idle connection is kept.")] = 75
    send_timeout: Annotated[
        float, Field(gt=0, description="Seconds in which a client takes what waits, or send_rate bytes for each.")
    ] = 30.0
    send_rate: Annotated[float, Field(gt=0, description="Bytes a second, of an answer that takes longer.")] = 8192.0
    unfinished_bytes: Annotated[
        int,
        Field(
            ge=1024 * 1024,
            description="Bytes of requests and messages that are not complete, or were sent ahead, of all together.",
        ),
    ] = 64 * 1024 * 1024
    waiting_bytes: Annotated[
        int, Field(ge=1024 * 1024, description="Bytes of answers that wait for their clients, of all together.")
    ] = 256 * 1024 * 1024
    downloads_per_caller: Annotated[int, Field(ge=1, description="Documents that one caller is sent at a time.")] = 4


class LoadLimits(Strict):
    """`[server.load]`: when a process has more to do than it bears. docs/limits.md says more."""

    lag: Annotated[
        float, Field(gt=0, description="Seconds by which the event loop may be late before fewer requests start.")
    ] = 0.02
    delay: Annotated[
        float, Field(gt=0, description="Seconds that a request may wait for its start while others are under way.")
    ] = 0.5
    patience: Annotated[
        float, Field(gt=0, description="Seconds for which all wait longer before the gateway counts as overloaded.")
    ] = 1.0
    under_way: Annotated[int, Field(ge=1, description="Most requests under way, however idle they are.")] = 1024


def _public_url(given: str | None) -> str | None:
    if given is not None and names_a_user(given):
        raise ValueError("should be an address without user name and password: every client is told it")
    if given is not None and _ROOT_PATH.fullmatch(urlsplit(given).path.rstrip("/")) is None:
        raise ValueError('should have a path such as "/api", or none')
    return given


def _root_path(given: str | None) -> str | None:
    if given is not None and _ROOT_PATH.fullmatch(given) is None:
        raise ValueError('should be a path such as "/api", without a slash at its end; "": requests have none')
    return given


_ROOT_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*")


class ServerSettings(Strict):
    """`[server]`: where the gateway listens, and how it ends."""

    host: Annotated[str, Field(min_length=1, description='Address to listen on; "::" is every one, also of IPv4.')] = (
        "127.0.0.1"
    )
    port: Annotated[int, Field(ge=1, le=65535, description="Port to listen on.")] = 8000
    unix_socket: Annotated[
        Path | None,
        Field(
            description="A Unix socket to listen on, instead of host and port. Whoever may open it is a trusted proxy."
        ),
    ] = None
    workers: Annotated[int, Field(ge=1, description="Processes.")] = 1
    public_url: Annotated[
        BaseAddress | None,
        AfterValidator(_public_url),
        Field(
            description='Where clients reach the gateway, such as "https://portal.example/api": with what is before'
            " /graphql. Addresses of documents begin with it; without it they are paths."
        ),
    ] = None
    root_path: Annotated[
        str | None,
        AfterValidator(_root_path),
        Field(
            description="What paths of requests begin with where no proxy cuts it off; if not set, the path of"
            " public_url."
        ),
    ] = None
    metrics: Annotated[
        bool, Field(description="Whether /metrics answers, to whoever reaches this port, in Prometheus' format.")
    ] = False
    metrics_port: Annotated[
        int | None, Field(ge=1, le=65535, description="A port of its own for /metrics, on the same host.")
    ] = None
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Field(description="Addresses and networks of proxies, each of which has the connections of many clients."),
    ] = ()
    forwarded_by: Annotated[
        Literal["X-Forwarded-For", "Forwarded"],
        Field(description="The header in which these proxies name the client; it is believed from them only."),
    ] = "X-Forwarded-For"
    leave_after: Annotated[
        float, Field(ge=0, description="Seconds after SIGTERM in which /readyz says 503 and everything is answered.")
    ] = 2.0
    finish: Annotated[int, Field(ge=1, description="Seconds after that in which requests under way are answered.")] = 20
    limits: ConnectionLimits = ConnectionLimits()
    load: LoadLimits = LoadLimits()

    @model_validator(mode="after")
    def _own_port(self) -> Self:
        if self.metrics_port == self.port and self.unix_socket is None:
            raise ValueError(f"metrics_port: should be another port than port, which is {self.port}")
        return self

    @property
    def shows_metrics(self) -> bool:
        """Whether they can be asked for anywhere."""
        return self.metrics or self.metrics_port is not None

    @property
    def public_base(self) -> str:
        """`public_url` without a slash at its end; empty where there is none."""
        return (self.public_url or "").rstrip("/")

    @property
    def prefix(self) -> str:
        """What paths of requests may begin with, such as `/api`; empty for nothing."""
        return urlsplit(self.public_base).path if self.root_path is None else self.root_path
