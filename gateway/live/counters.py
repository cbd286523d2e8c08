"""Counters of subscriptions for `/metrics`. No label has a client's words as its value."""

from typing import Literal

from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments

Transport = Literal["websocket", "sse"]

Ending = Literal["client", "token", "pong", "not reading", "protocol", "restart", "rights"]
"""Why a subscription ended: its client ended it or went away; its token ended or was not accepted any more; its client
did not answer a ping, did not read, or broke the protocol; the gateway ends; the caller's new token allows it no more.
"""

Refusal = Literal["origin", "subprotocol", "connections", "caller", "token", "initialise", "restart", "protocol"]
"""Why a connection was refused, or closed before it was acknowledged."""


class LiveCounters:
    """What connections and subscriptions are counted with."""

    def __init__(self, instruments: Instruments) -> None:
        self._active = instruments.gauge(catalogue.SUBSCRIPTIONS)
        self._started = instruments.counter(catalogue.STARTED)
        self._ended = instruments.counter(catalogue.ENDED)
        sent = instruments.counter(catalogue.MESSAGES)
        self._sent = {"websocket": sent.labels("websocket"), "sse": sent.labels("sse")}
        self._skipped = instruments.counter(catalogue.SKIPPED)
        self._lag = instruments.histogram(catalogue.EVENT_LAG)
        self._refused = instruments.counter(catalogue.CONNECTIONS_REFUSED)

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
