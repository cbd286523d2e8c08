"""The list of all metrics. What is served, sent, documented, drawn and watched is made from it.

Names are OpenTelemetry's where its semantic conventions have one (HTTP metrics, process metrics); those of our own
begin with `gateway.`. Every label has bounded values: it is said here by what.
"""

from typing import Final

from gateway.metrics.metric import BYTES, KEYS, SECONDS, Metric

_OPERATION: Final = {
    "graphql.operation.name": "names of the manifests, else the first `telemetry.operation_names` that callers with"
    " a token have sent; `(other)`, `(anonymous)`, and `(refused)` for documents that were not run"
}
_CALLER: Final = {"caller": "`anonymous`, `subscriber`, `agent`, `admin`"}
_UPSTREAM: Final = {
    "system": "the domains",
    "operation": "the methods of their ports, `documents`, `other`",
}
_CODE: Final = {"code": "the codes of errors that clients see"}

# --- Requests -----------------------------------------------------------------------------------------------------

REQUEST_DURATION: Final = Metric(
    "http.server.request.duration",
    "histogram",
    "Requests at /graphql, from their start until their answer is made.",
    "s",
    {
        "http.request.method": "`GET`, `POST`, `_OTHER`",
        "http.response.status_code": "what the gateway answers; 499: the client went away",
    },
    SECONDS,
)
OPERATION_DURATION: Final = Metric(
    "gateway.graphql.operation.duration",
    "histogram",
    "Operations, over HTTP and WebSockets; of subscriptions, their start.",
    "s",
    _OPERATION | _CALLER,
    SECONDS,
)
OPERATION_ERRORS: Final = Metric(
    "gateway.graphql.operation.errors",
    "counter",
    "Operations whose answer has an error with this code, each code once.",
    labels=_OPERATION | _CODE,
)
OPERATION_OVERHEAD: Final = Metric(
    "gateway.graphql.operation.overhead",
    "histogram",
    "The part of an operation's duration in which it waited for no system.",
    "s",
    _OPERATION,
    SECONDS,
)
EXECUTED: Final = Metric(
    "gateway.operations",
    "counter",
    "Operations by what executed them.",
    labels={"executor": "`plan`, `graphql-core`"},
)
FALLBACKS: Final = Metric(
    "gateway.fallbacks",
    "counter",
    "Operations that no plan could express, by reason.",
    labels={"reason": "the reasons in the compiler"},
)
AUTHENTICATIONS: Final = Metric(
    "gateway.authentications",
    "counter",
    "Requests and connections by what became of their token.",
    labels={
        "result": "`accepted`, `none` (no token), `unavailable` (no keys), and why it was refused: `gateway.auth.Why`"
    },
)
KEYS_AGE: Final = Metric(
    "gateway.auth.keys.age",
    "gauge",
    "Since the keys of an issuer were loaded last; those that were never loaded are not shown.",
    "s",
    {"issuer": "the issuers of the settings"},
)
RATE_LIMITED: Final = Metric(
    "gateway.rate_limited",
    "counter",
    "Requests and operations of callers who had spent too much, by their kind.",
    labels=_CALLER,
)

# --- Systems ------------------------------------------------------------------------------------------------------

CALL_DURATION: Final = Metric(
    "http.client.request.duration",
    "histogram",
    "Calls to systems, each attempt, without the wait for a place.",
    "s",
    _UPSTREAM | {"error.type": "empty, or the code of the failure"},
    SECONDS,
)
CALL_BYTES: Final = Metric(
    "http.client.response.body.size", "histogram", "Answers of systems that were read.", "By", _UPSTREAM, BYTES
)
BATCH_SIZE: Final = Metric(
    "gateway.upstream.batch_size", "histogram", "Keys in a call to a system.", "{key}", _UPSTREAM, KEYS
)
SHAREABLE_CALLS: Final = Metric(
    "gateway.upstream.shareable_calls",
    "counter",
    "Questions to a port that several requests may share.",
    labels=_UPSTREAM,
)
SHARED_CALLS: Final = Metric(
    "gateway.upstream.shared_calls", "counter", "Those that several requests have shared.", labels=_UPSTREAM
)
BREAKER: Final = Metric(
    "gateway.upstream.breaker",
    "gauge",
    "0: calls of the operation are sent, 1: a few are, as probes, 2: none is.",
    labels=_UPSTREAM,
)
LIMIT: Final = Metric(
    "gateway.upstream.limit", "gauge", "Calls of the operation that may be under way at once.", labels=_UPSTREAM
)
UNDER_WAY: Final = Metric(
    "gateway.upstream.under_way", "gauge", "Calls of the operation that have a place.", labels=_UPSTREAM
)
WAITING: Final = Metric(
    "gateway.upstream.waiting", "gauge", "Calls of the operation that wait until others have ended.", labels=_UPSTREAM
)
CALLS: Final = Metric(
    "gateway.upstream.calls", "counter", "Calls to systems, repeated ones included.", labels=_UPSTREAM
)
BROKEN: Final = Metric(
    "gateway.upstream.broken", "counter", "Calls that show that the system is at fault.", labels=_UPSTREAM
)
REFUSED: Final = Metric(
    "gateway.upstream.refused",
    "counter",
    "Calls that were not sent, because the system was left in peace.",
    labels=_UPSTREAM,
)
RETRIES: Final = Metric(
    "gateway.upstream.retries", "counter", "Reads that were sent again after they had failed.", labels=_UPSTREAM
)
HEDGES: Final = Metric(
    "gateway.upstream.hedges",
    "counter",
    "Reads that were sent a second time beside an unusually slow one.",
    labels=_UPSTREAM,
)
UP: Final = Metric(
    "gateway.upstream.up",
    "gauge",
    "Whether a system answers, as its last calls show it: 1, 0; not shown before the first.",
    labels={"system": "the domains"},
)

# --- What is kept -------------------------------------------------------------------------------------------------

CACHED_ROWS: Final = Metric(
    "gateway.cached_rows",
    "counter",
    "Rows of the types in [cache] by what became of them: hit, miss, stale; eviction counts whole types.",
    labels={"type": "the types in `[cache]`", "outcome": "`hit`, `miss`, `stale`, `eviction`"},
)
DOCUMENTS: Final = Metric("gateway.documents", "gauge", "Prepared documents that a worker keeps.", "{document}")
DOCUMENT_BYTES: Final = Metric("gateway.documents.size", "gauge", "What these hold, about.", "By")

# --- Subscriptions ------------------------------------------------------------------------------------------------

_TRANSPORT: Final = {"transport": "`websocket`, `sse`"}
SUBSCRIPTIONS: Final = Metric(
    "gateway.subscriptions", "gauge", "Subscriptions that are active.", labels=_TRANSPORT, sums=True
)
STARTED: Final = Metric(
    "gateway.subscriptions.started", "counter", "Subscriptions that were started.", labels=_TRANSPORT
)
ENDED: Final = Metric(
    "gateway.subscriptions.ended",
    "counter",
    "Subscriptions that ended.",
    labels=_TRANSPORT | {"reason": "`gateway.live.counters.Ending`"},
)
MESSAGES: Final = Metric(
    "gateway.subscription.messages", "counter", "Messages that were sent to clients.", labels=_TRANSPORT
)
SKIPPED: Final = Metric(
    "gateway.subscription.messages.skipped",
    "counter",
    "Messages that a newer one replaced before a slow client could be sent them.",
)
EVENT_LAG: Final = Metric(
    "gateway.event.lag",
    "histogram",
    "From the time at which a system says that something changed, until its messages wait for their clients.",
    "s",
    {"domain": "the domains"},
    SECONDS,
)
EVENTS: Final = Metric(
    "gateway.events",
    "counter",
    "Events that systems posted, by system and what became of them.",
    labels={"system": "the domains", "outcome": "`connectors.events.post.Outcome`"},
)
CONNECTIONS_REFUSED: Final = Metric(
    "gateway.connections.refused",
    "counter",
    "Connections for subscriptions that were refused.",
    labels={"reason": "`gateway.live.counters.Refusal`"},
)

# --- The process --------------------------------------------------------------------------------------------------

SHED: Final = Metric("gateway.shed", "counter", "Requests that were refused because the gateway was overloaded.")
REQUESTS_UNDER_WAY: Final = Metric(
    "gateway.requests.under_way", "gauge", "Requests that a worker has started and not ended."
)
REQUESTS_WAITING: Final = Metric("gateway.requests.waiting", "gauge", "Requests that wait for their start.")
REQUESTS_LIMIT: Final = Metric("gateway.requests.limit", "gauge", "Requests that may be under way at present.")
LOOP_LAG: Final = Metric("gateway.loop.lag", "gauge", "By how much the event loop of a worker is late.", "s")
REDIS_UP: Final = Metric(
    "gateway.redis.up",
    "gauge",
    "Whether Redis takes a key for what it is used for: 1, 0; without [redis] not shown.",
    labels={"use": "`documents`, `rates`, `cache`, `live`, `signatures`, `writes`"},
)
MEMORY: Final = Metric("gateway.worker.resident_memory", "gauge", "Memory of each worker process.", "By")
CPU: Final = Metric("process.cpu.time", "counter", "CPU time of the workers, in user and system mode.", "s")
DESCRIPTORS: Final = Metric(
    "process.open_file_descriptor.count", "gauge", "Open descriptors: files, connections; on Linux only."
)
MOST_DESCRIPTORS: Final = Metric("gateway.worker.descriptors.limit", "gauge", "Most of them that a worker may open.")
BUILD: Final = Metric(
    "gateway.build.info",
    "gauge",
    "1, for each worker.",
    labels={"version": "the gateway's", "python": "Python's"},
)

CATALOGUE: Final = tuple(one for one in globals().copy().values() if isinstance(one, Metric))
"""All of them, in the order in which they are declared."""
