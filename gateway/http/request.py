"""Reads a GraphQL request from HTTP, within limits, and checks its shape."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.requests import ClientDisconnect, Request

from gateway.errors import RequestError
from gateway.http.exact_json import NotJson, exact_json
from gateway.http.headers import IndexedHeaders, IndexedRequest
from gateway.http.media_types import JSON


class GraphQLRequest(msgspec.Struct, frozen=True):
    """The request parameters of GraphQL over HTTP. `query` is None where a document is named instead."""

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    extensions: Mapping[str, Any]
    document_id: str | None = None
    """Id of a persisted document (GraphQL over HTTP, appendix A)."""


_PLAIN: Final = frozenset({"query", "variables"})
_JSON: Final = JSON.encode()


async def read(request: IndexedRequest, max_body_bytes: int) -> GraphQLRequest:
    """The parameters of a GET (query string) or a POST (JSON body).

    Raises RequestError: 400 for a wrong shape, 413 for too many bytes, 415 for a body that is not uncompressed JSON.
    Media types that a form can send without a preflight request (text/plain, multipart/form-data,
    application/x-www-form-urlencoded) get a 415, too, so that another site's page cannot post here.
    """
    if request.method == "GET":
        return checked(_from_query_string(request))
    _check_media_type(request.headers)
    body = await read_body(request, max_body_bytes)
    try:
        parameters = exact_json(body)
    except NotJson as error:
        raise RequestError(f"The request body is not JSON in UTF-8: {error}.") from error
    if isinstance(parameters, list):
        raise RequestError("Batches are not supported. Send each operation in a request of its own.")
    if not isinstance(parameters, dict):
        raise RequestError('The request body must be a JSON object such as {"query": "{ __typename }"}.')
    return checked(parameters)


def _check_media_type(headers: IndexedHeaders) -> None:
    if headers.names.get(b"content-type") != _JSON and not _is_json(headers.get("content-type", "")):
        raise _unsupported("Send the request as 'Content-Type: application/json', in UTF-8.")
    codings = headers.listed("content-encoding") if b"content-encoding" in headers.names else None
    if codings and any(coding.strip().lower() not in ("", "identity") for coding in codings.split(",")):
        raise _unsupported("Send the request body without compression (no Content-Encoding).")


def _is_json(given: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in given.split(";"))
    charsets = [value.strip('" ') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return media_type == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _unsupported(message: str) -> RequestError:
    return RequestError(message, status=415, code="UNSUPPORTED_MEDIA_TYPE", headers={"Accept-Post": JSON})


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request. Raises RequestError (413) for more than `limit` bytes, ClientDisconnect."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        size += len(body)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join([*parts, body]) if parts else body
        parts.append(body)


def _too_large(limit: int) -> RequestError:
    return RequestError(
        f"The request body is larger than {limit} bytes. Send a smaller one.",
        status=413,
        code="REQUEST_TOO_LARGE",
        headers={"Connection": "close"},
    )


def _from_query_string(request: Request) -> dict[str, Any]:
    given = request.query_params
    parameters: dict[str, Any] = {}
    for name in ("query", "documentId", "operationName", "variables", "extensions"):
        values = given.getlist(name)
        if len(values) > 1:
            raise RequestError(f"The parameter '{name}' is in the address {len(values)} times. Give it once.")
        if not values or (name != "query" and values[0] == ""):
            continue  # An empty parameter of a query string stands for null.
        parameters[name] = values[0]
        if "\ufffd" in values[0]:
            _check_utf8(request, name)
        if name in ("variables", "extensions"):
            try:
                parameters[name] = exact_json(values[0])
            except NotJson as error:
                raise RequestError(f"The parameter '{name}' must be a JSON object, URL-encoded: {error}.") from error
    return parameters


def _check_utf8(request: Request, name: str) -> None:
    """Raise RequestError where a replacement character stands for bytes of the query string that are not UTF-8."""
    try:
        parse_qs(request.url.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise RequestError(f"The parameter '{name}' must be UTF-8, URL-encoded.") from error


def checked(parameters: Mapping[str, Any]) -> GraphQLRequest:
    """The request of these parameters. Raises RequestError (400) for a wrong shape."""
    if parameters.keys() <= _PLAIN and parameters.get("query"):
        query, variables = parameters["query"], parameters.get("variables")
        if query.__class__ is str and (variables is None or variables.__class__ is dict):
            return GraphQLRequest(query, None, variables or {}, {})  # as most are
    for name, kind, wanted in (
        ("query", str, "a string"),
        ("documentId", str, "a string or null"),
        ("operationName", str, "a string or null"),
        ("variables", dict, "an object or null"),
        ("extensions", dict, "an object or null"),
    ):
        value = parameters.get(name)
        if value is not None and not isinstance(value, kind):
            raise RequestError(f"The parameter '{name}' must be {wanted}.")
    extensions = parameters.get("extensions") or {}
    query, document_id = parameters.get("query"), parameters.get("documentId")
    if not query and not document_id and "persistedQuery" not in extensions:
        raise RequestError(
            "The parameter 'query' is missing. It must be a GraphQL document; or give the 'documentId' of one."
        )
    return GraphQLRequest(
        query or None,
        parameters.get("operationName"),
        parameters.get("variables") or {},
        extensions,
        document_id or None,
    )
