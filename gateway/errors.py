"""How clients see errors: the presenter, the table of codes, and the base class of refused requests."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson
from graphql import GraphQLError, ValueNode
from starlette.responses import Response

from connectors.errors import ConnectorError
from resolvers.errors import PublicError

_log = logging.getLogger("gateway.errors")

CODES: Mapping[str, str] = {
    # The request was refused before anything was executed.
    "BAD_REQUEST": "The HTTP request is not a GraphQL request. The message says what is wrong and what would be right.",
    "NOT_ACCEPTABLE": "The Accept header allows no media type of the gateway. Allow application/graphql-response+json.",
    "UNSUPPORTED_MEDIA_TYPE": "The request body must be application/json in UTF-8, without compression.",
    "METHOD_NOT_ALLOWED": "The HTTP method is not allowed at this address. Mutations must be sent with POST.",
    "REQUEST_TOO_LARGE": "The request's body, address or headers are larger than the settings allow. Send less.",
    "REQUEST_TIMEOUT": "The request did not come in time: its headers or its body. Send it again, faster.",
    "OVERLOADED": "The gateway has more to do, to keep or to send than it may. Try again after Retry-After.",
    "RATE_LIMITED": "You have asked for more than you may in so short a time. Try again after Retry-After.",
    "GRAPHQL_PARSE_FAILED": "The document has a syntax error, or too many tokens. The message says where, or how many.",
    "GRAPHQL_VALIDATION_FAILED": "The document does not match the schema. The message says where.",
    "LIMIT_EXCEEDED": "The document, its answer or what is open at once is more than allowed; the message has numbers.",
    "OPERATION_RESOLUTION_FAILURE": "The document has no operation of this name, or needs a name. Set operationName.",
    "INTROSPECTION_DISABLED": "This caller may not read the schema. Ask the gateway's operator for it.",
    "PERSISTED_QUERY_NOT_FOUND": "The hash or documentId is not known, or no longer. Send the document.",
    "PERSISTED_QUERY_HASH_MISMATCH": "The hash is not the SHA-256 of the document that came with it. Correct it.",
    "DOCUMENT_NOT_ALLOWED": "This caller may send published documents only, and this is none. Let it be published.",
    "NOT_FOUND": "There is nothing at this address, or it is a document that the caller may not see.",
    "SIGNATURE_REFUSED": "The signed address of a document has ended, or was changed. Ask for another (signedUrl).",
    "AUTH_UNAVAILABLE": "The keys that tokens are checked with cannot be fetched. Try again in a moment.",
    "DEADLINE_EXCEEDED": "The whole answer was not ready in time. Ask for less, or try again later.",
    # The caller, or an argument.
    "UNAUTHENTICATED": "The request has no token, or one that is not accepted. The message says why. Sign in again.",
    "FORBIDDEN": "This kind of caller may not use the field at all. Leave it out.",
    "FORBIDDEN_FIELD": "The field needs a scope that the caller does not have; the message names it. Leave it out.",
    "BAD_USER_INPUT": "The value of an argument or a variable cannot be used. The message says what would be right.",
    # A system that the gateway asks.
    "UPSTREAM_FAILED": "The system answered with a server error. Try again in a moment.",
    "UPSTREAM_UNAVAILABLE": "The system cannot be reached, or is left in peace as it fails. Try again in a moment.",
    "UPSTREAM_TIMEOUT": "The system did not answer in time. Ask for less, or try again in a moment.",
    "UPSTREAM_RATE_LIMITED": "The system limits its requests. Try again in a moment.",
    "UPSTREAM_BUSY": "The system is at the request limit that the settings give it. Try again in a moment.",
    "UPSTREAM_REFUSED": "The system does not accept the gateway's credentials. Tell the gateway's operator.",
    "UPSTREAM_REJECTED": "The system calls the gateway's request wrong. Tell the gateway's operator.",
    "UPSTREAM_GARBLED": "The gateway cannot read the system's answer. Try again, then tell the gateway's operator.",
    "UPSTREAM_TOO_MUCH": "The system has more data than the gateway reads at once. Ask for less.",
    "NOT_SUPPORTED": "The product that is connected for this domain cannot answer this. Leave it out.",
    "NOT_CONFIGURED": "No system is connected for this domain. Leave its fields out.",
    "REQUEST_CANCELLED": "The request ended before the system answered. Send the request again.",
    # A write.
    "IDEMPOTENCY_IN_PROGRESS": "The same key is being written at the moment: send it again to learn its outcome.",
    "OUTCOME_UNKNOWN": "The write was sent, and nobody can tell yet whether it happened: send the same key again.",
    "PAYMENT_UNKNOWN": "The payment was sent, and nobody can tell yet whether it was made: send the same key again.",
    "WRITE_NOT_DONE": "This request wrote nothing: send the same key again.",
    # The gateway itself.
    "INTERNAL": "An unexpected error in the gateway. Give its operator `extensions.id`, which is in the log.",
}
"""Every `extensions.code` that a client can get, what it means, and what to do."""

ACTIONS: Final[Mapping[str, str]] = {
    "BAD_REQUEST": "Nothing: a client's mistake. Many after a release of a portal: tell its developers.",
    "NOT_ACCEPTABLE": "Nothing: a client's mistake; or a proxy that changes Accept.",
    "UNSUPPORTED_MEDIA_TYPE": "Nothing: a client's mistake; or a proxy that changes Content-Type.",
    "METHOD_NOT_ALLOWED": "Nothing: a client's mistake.",
    "REQUEST_TOO_LARGE": "Raise graphql.limits.max_body_bytes where a portal needs it; see the proxy's own limit, too.",
    "REQUEST_TIMEOUT": "Nothing, for single ones. Many: a network that loses packets, or an attack by slow clients.",
    "OVERLOADED": "Runbook GatewayOverloaded: more workers, or less of what is dear.",
    "RATE_LIMITED": "Look in gateway_rate_limited_total for whom; raise [rates] for that kind if it asks rightly.",
    "GRAPHQL_PARSE_FAILED": "Nothing: a client's mistake.",
    "GRAPHQL_VALIDATION_FAILED": "After a release: does a portal use what was taken out? gateway schema --diff OLD.",
    "LIMIT_EXCEEDED": "Let the portal ask for less; or raise the limit that the message names, in graphql.limits.",
    "OPERATION_RESOLUTION_FAILURE": "Nothing: a client's mistake.",
    "INTROSPECTION_DISABLED": "Nothing; or set graphql.introspection, on test systems.",
    "PERSISTED_QUERY_NOT_FOUND": "Nothing: clients then send the text. All the time: is redis.url there?",
    "PERSISTED_QUERY_HASH_MISMATCH": "Nothing: a client's mistake.",
    "DOCUMENT_NOT_ALLOWED": "Does documents.manifest_files name the manifest of the portal's release?",
    "NOT_FOUND": "Nothing. Many: a wrong public_url or root_path, or a scanner.",
    "SIGNATURE_REFUSED": "Nothing, for old links. New ones: have all gateways one files.key, or one redis.url?",
    "AUTH_UNAVAILABLE": "Runbook KeysOld: the issuer's keys cannot be fetched. The log (gateway.auth) says why.",
    "DEADLINE_EXCEEDED": "Runbook SystemSlow: which system takes so long; then graphql.deadline.",
    "UNAUTHENTICATED": "Runbook TokensRefused, if many. gateway check --token says what is wrong with one.",
    "FORBIDDEN": "Nothing: a portal shows something to the wrong people.",
    "FORBIDDEN_FIELD": "Give the scope at the identity provider, if the caller should have it; see [scopes].",
    "BAD_USER_INPUT": "Nothing: a client's mistake.",
    "UPSTREAM_FAILED": "Runbook SystemFaulty: the system's own log. The log (gateway.systems) has its answer.",
    "UPSTREAM_UNAVAILABLE": "Runbook SystemDown: gateway check says what is in the way.",
    "UPSTREAM_TIMEOUT": "Runbook SystemSlow: ask the system's operator; then systems.<domain>.timeout.",
    "UPSTREAM_RATE_LIMITED": "Ask the system's operator for more, or lower systems.<domain>.concurrency.",
    "UPSTREAM_BUSY": "Runbook PlacesTaken: raise systems.<domain>.concurrency if the system bears it.",
    "UPSTREAM_REFUSED": "The credentials in systems.<domain>.auth: have they ended? gateway check tries them.",
    "UPSTREAM_REJECTED": "The log (gateway.systems) has what it said: another version? gateway check.",
    "UPSTREAM_GARBLED": "Was it upgraded, or does a proxy answer? gateway driver-test says what differs.",
    "UPSTREAM_TOO_MUCH": "Raise systems.<domain>.max_rows, max_calls or max_bytes, if the memory is there.",
    "NOT_SUPPORTED": "Nothing: gateway check lists what a product cannot give.",
    "NOT_CONFIGURED": "Configure the system, if there is one: systems.<domain>.",
    "REQUEST_CANCELLED": "Nothing: a client has gone, or the gateway ended.",
    "IDEMPOTENCY_IN_PROGRESS": "Nothing, for seconds. Longer: writes.lease and the system's timeout.",
    "OUTCOME_UNKNOWN": "Look in the system whether it happened; the audit log (gateway.audit) has the write.",
    "PAYMENT_UNKNOWN": "Look in the billing system whether it was paid, before anybody pays again (gateway.audit).",
    "WRITE_NOT_DONE": "Runbook RedisDown, for redis.writes_url; else the system was not reached in time.",
    "INTERNAL": "The log (gateway.errors) has the stack, by extensions.id. Report it.",
}
"""What whoever runs the gateway does about each code of `CODES`."""


MAX_MESSAGE: Final = 500
"""Characters of the longest message of an error. Longer ones repeat what the caller sent."""

_UNEXPECTED = "An unexpected error happened in the gateway. Give its operator the id in extensions.id."


class RequestError(Exception):
    """A request that is refused before anything is executed, with an HTTP status and `headers`.

    Clients see the text.
    """

    status: int = 400
    code: str = "BAD_REQUEST"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = self.status if status is None else status
        self.code = self.code if code is None else code
        self.headers = dict(headers or {})

    def extensions(self) -> dict[str, Any]:
        """The error's `extensions`."""
        return {"code": self.code} | ({"retryable": True} if self.retryable else {})

    def presented(self) -> dict[str, Any]:
        """The refusal as a GraphQL error."""
        return {"message": cut(str(self)), "extensions": self.extensions()}

    def response(self, media_type: str = "application/json") -> Response:
        """The refusal as a GraphQL response without data, which all endpoints use."""
        body = orjson.dumps({"errors": [self.presented()]})
        headers = {"Content-Type": f"{media_type}; charset=utf-8", "Cache-Control": "no-store", **self.headers}
        return Response(body, self.status, headers)


class DeadlineExceeded(PublicError):
    """The operation was cancelled, because it took longer than the settings allow."""

    code = "DEADLINE_EXCEEDED"
    retryable = True

    def __init__(self) -> None:
        super().__init__("The answer took longer than a request may take. Ask for less, or try again later.")


class MethodNotAllowedError(RequestError):
    """The HTTP method is not allowed; `allowed` names those that are."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__(
            f"The method {method} is not allowed at this address. Use {allowed}.", headers={"Allow": allowed}
        )


class NoSuchAddressError(RequestError):
    """There is nothing at the address."""

    status = 404
    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is nothing at this address. The GraphQL endpoint is /graphql.")


def present(error: GraphQLError) -> dict[str, Any]:
    """An error as clients may see it: message, locations, path, and extensions with a code of `CODES`.

    Errors of systems and of callers show their public sentence. For any other exception the client sees an id, under
    which the log (`gateway.errors`) has the stack trace. Tracebacks are dropped here: their frames hold what the
    request loaded, in reference cycles with the errors.
    """
    message, extensions = _public(error)
    _drop_tracebacks(error)
    presented: dict[str, Any] = {"message": cut(message)}
    if error.locations:
        presented["locations"] = [place.formatted for place in error.locations]
    if error.path is not None:
        presented["path"] = list(error.path)
    presented["extensions"] = extensions
    return presented


def code_of(error: GraphQLError) -> str:
    """The code that clients see of an error, one of `CODES`."""
    cause = _root_cause(error)
    code = "INTERNAL"
    if isinstance(cause, ConnectorError | PublicError):
        code = cause.code
    elif isinstance(cause, GraphQLError) and _is_callers_doing(cause):
        code = str((cause.extensions or {}).get("code", "BAD_USER_INPUT"))
    return code if code in CODES else "INTERNAL"


def cut(message: str) -> str:
    """The message, without the middle of one that is longer than `MAX_MESSAGE`: its end says what to do."""
    if len(message) <= MAX_MESSAGE:
        return message
    return f"{message[: MAX_MESSAGE - 203]} … {message[-200:]}"


def fault(error: Exception) -> Response:
    """The response to a request that failed with an unexpected exception, which is logged with an id."""
    body = orjson.dumps({"errors": [present(GraphQLError("", original_error=error))]})
    return Response(body, 500, {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"})


def _public(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause = _root_cause(error)
    if isinstance(cause, ConnectorError):
        return cause.public, {"code": cause.code, "system": cause.system, "retryable": cause.retryable}
    if isinstance(cause, PublicError):
        return str(cause), {"code": cause.code, "retryable": cause.retryable}
    if isinstance(cause, GraphQLError) and _is_callers_doing(cause):
        code = (cause.extensions or {}).get("code", "BAD_USER_INPUT")
        return cause.message, {"code": code, "retryable": False}
    number = secrets.token_hex(8)
    _log.error("Unexpected error %s at %s: %s", number, error.path or "the request", cause, exc_info=cause)
    return _UNEXPECTED, {"code": "INTERNAL", "retryable": False, "id": number}


def _drop_tracebacks(error: BaseException) -> None:
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            todo += [one.__cause__, one.__context__, getattr(one, "original_error", None)]


def _root_cause(error: GraphQLError) -> Exception:
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_callers_doing(error: GraphQLError) -> bool:
    # While a field runs, graphql-core raises its bare GraphQLError for arguments that cannot be used (it points at the
    # value in the document), but also for values of ours that do not fit their type (it points at a field or nowhere,
    # and its text repeats the value). Only the first is for the client's eyes.
    if error.path is None and error.extensions and "code" in error.extensions:
        return True
    return bool(error.nodes) and all(isinstance(node, ValueNode) for node in error.nodes or ())
