"""Counters of subscriptions for `/metrics`. No label has a client's words as its value."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Transport = Literal["websocket", "sse"]

Ending = Literal["client", "token", "pong", "not reading", "protocol", "restart", "rights"]
"""Why a subscription ended: its client ended it or went away; its token ended or was not accepted any more; its client
did not answer a ping, did not read, or broke the protocol; the gateway ends; the caller's new token allows it no more.
"""

Refusal = Literal["origin", "subprotocol", "connections", "caller", "token", "initialise", "restart", "protocol"]
"""Why a connection was refused, or closed before it was acknowledged."""


class LiveCounters:
    """What connections and subscriptions are counted with."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._active = Gauge(
            "gateway_subscriptions",
            "Subscriptions that are active.",
            ["transport"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._started = Counter(
            "gateway_subscriptions_started", "Subscriptions that were started.", ["transport"], registry=registry
        )
        self._ended = Counter(
            "gateway_subscriptions_ended", "Subscriptions that ended.", ["transport", "reason"], registry=registry
        )
        sent = Counter(
            "gateway_subscription_messages", "Messages that were sent to clients.", ["transport"], registry=registry
        )
        self._sent = {"websocket": sent.labels("websocket"), "sse": sent.labels("sse")}
        self._skipped = Counter(
            "gateway_subscription_messages_skipped",
            "Messages that a newer one replaced before a slow client could be sent them.",
            registry=registry,
        )
        self._lag = Histogram(
            "gateway_event_lag_seconds",
            "From the time at which a system says that something changed, until its messages wait for their clients.",
            ["domain"],
            registry=registry,
        )
        self._refused = Counter(
            "gateway_connections_refused",
            "Connections for subscriptions that were refused.",
            ["reason"],
            registry=registry,
        )

    def started(self, transport: Transport) -> None:
        """Count a subscription that begins."""
        self._started.labels(transport).inc()
        self._active.labels(transport).inc()

    def ended(self, transport: Transport, reason: Ending) -> None:
        """Count a subscription that ends."""
        self._ended.labels(transport, reason).inc()
        self._active.labels(transport).dec()

    def sent(self, transport: Transport, messages: int) -> None:
        """Count messages that a client is sent."""
        self._sent[transport].inc(messages)

    def told(self, domain: str, messages: int, skipped: int, lag: float) -> None:
        """Count a change that clients are told, as `gateway.live.counting.Counting` has it."""
        self._skipped.inc(skipped)
        self._lag.labels(domain).observe(lag)

    def refused(self, reason: Refusal) -> None:
        """Count a connection that is refused."""
        self._refused.labels(reason).inc()
