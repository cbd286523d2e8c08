"""Documents of records, streamed from their systems after the same ownership check as in the graph.

The address names the record and the file (`/documents/Bill:77/1`), never where the system keeps it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import partial
from typing import Any, Final

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from connectors.errors import ConnectorError
from connectors.files import ByteRange, File
from connectors.records import Document
from gateway.auth.access import SignInRequiredError
from gateway.auth.refusals import Why
from gateway.errors import MethodNotAllowedError, RequestError, fault
from gateway.http.context import ContextFactory, GatewayContext
from gateway.http.disconnect import run_until_disconnect
from gateway.http.file_answers import cut_out, file_headers, wanted_range
from gateway.http.headers import IndexedRequest
from gateway.http.rates import DOCUMENT, Authenticate, Rates, hold
from gateway.http.request_id import identify
from gateway.http.signatures import SignatureError
from resolvers.documents import DOCUMENT_OWNERS, SIGNATURE, key_of, text_of
from resolvers.errors import BadInput
from resolvers.nodes import NODES, split_id
from resolvers.viewer import Viewer, ViewerKind

SignedViewer = Callable[[str, str], Awaitable[Viewer]]
"""Of a document's key and a signature, the viewer with its scopes as they are now. Raises SignatureError."""

Caller = tuple[str, str, ViewerKind, tuple[str, ...]]

DOCUMENT_URL: Final = ("Document", "url")
"""The field with the addresses of documents, as type and name."""


class DocumentNotFoundError(RequestError):
    """The document does not exist or is not the viewer's; the answer is the same for both."""

    status = 404
    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__(
            "This document does not exist or is not yours. Take its address from the field url of a document."
        )


class SystemUnavailableError(RequestError):
    """The system did not deliver the document: 504 for a timeout, 503 for a request limit, else 502."""

    status = 502

    def __init__(self, error: ConnectorError) -> None:
        super().__init__(error.public, status=_STATUS.get(error.code), code=error.code)
        self._error = error

    def extensions(self) -> dict[str, Any]:
        """The same extensions as those of a field's error."""
        return {"code": self.code, "system": self._error.system, "retryable": self._error.retryable}


class TooManyDocumentsError(RequestError):
    """The caller is being sent as many documents as one may be at a time."""

    status = 429
    code = "LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, most: int) -> None:
        super().__init__(
            f"{most} documents are being sent to you, as many as may be at a time. Wait for one of them.",
            headers={"Retry-After": "1"},
        )


_STATUS: Final = {"UPSTREAM_TIMEOUT": 504, "UPSTREAM_BUSY": 503, "UPSTREAM_RATE_LIMITED": 503}


class DocumentEndpoint:
    """`GET` and `HEAD /documents/{owner}/{document}`, with the same bearer token as the graph, or signed."""

    def __init__(
        self,
        authenticate: Authenticate,
        contexts: ContextFactory,
        per_caller: int,
        rates: Rates,
        refusal: Callable[[frozenset[str] | None], GraphQLError | None] = lambda _scopes: None,
        signed: SignedViewer | None = None,
    ) -> None:
        """At most `per_caller` documents are sent to one caller at a time.

        `signed` is whom a signature is of; None where nothing is signed. `refusal` is why a caller with these scopes
        may not read the field `DOCUMENT_URL`, nor then the file.
        """
        self._refusal, self._signed = refusal, signed
        self._authenticate, self._contexts, self._rates = authenticate, contexts, rates
        self._per_caller, self._under_way = per_caller, Counter[Caller]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the document, or answer with an error. A client that disconnects cancels the upstream calls."""
        request = IndexedRequest(scope, receive)
        request_id = identify(request.headers)
        try:
            response = await run_until_disconnect(self._response(request), receive)
        except RequestError as error:
            response = error.response()
            hold(scope, error)
        except ConnectorError as error:
            response = SystemUnavailableError(error).response()
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id, answered in JSON
            response = fault(error)
        if response is not None:
            response.raw_headers.append(request_id)
            await response(scope, receive, send)

    async def _response(self, request: IndexedRequest) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowedError(request.method, "GET, HEAD")
        key = key_of(text_of(request.path_params["owner"]), text_of(request.path_params["document"]))
        viewer = await self._rates.viewer(request, partial(self._viewer, key=key))
        if not viewer.is_signed_in:
            raise SignInRequiredError
        self._rates.spend(self._rates.payer(viewer, ""), DOCUMENT)
        if (refusal := self._refusal(viewer.scopes)) is not None:
            raise RequestError(refusal.message, status=403, code="FORBIDDEN_FIELD")
        selection = {"Bill": frozenset({"documents"}), "Ticket": frozenset({"attachments"})}
        context = self._contexts.make(request.headers, viewer, selection)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(context.close)
            stack.enter_context(self._one_more((viewer.issuer, viewer.subject, viewer.kind, viewer.customer_ids)))
            wanted = wanted_range(request)
            document, opening = await _find(
                context,
                text_of(request.path_params["owner"]),
                text_of(request.path_params["document"]),
                # Whether the version is the wanted one is known with the answer: then all of it must be there.
                None if "if-range" in request.headers else wanted,
            )
            file = await stack.enter_async_context(opening)
            if file is None:
                raise DocumentNotFoundError
            sent = cut_out(file, wanted, request.headers.get("if-range"))
            # A failure before the first byte can still be answered with an error status.
            first = await anext(sent.parts, b"")
            body = _joined(first, sent.parts) if request.method == "GET" else _joined(b"", None)
            headers = file_headers(document.mime_type, document.name or document.id) | sent.headers
            return _DocumentResponse(body, sent.status, headers, stack.pop_all())

    async def _viewer(self, request: Request, key: str) -> Viewer:
        """Whose token or signature it is. Of both, it must be the same viewer's."""
        viewer = await self._authenticate(request)
        given = request.query_params.getlist(SIGNATURE)
        if not given or self._signed is None:
            return viewer
        signer = await self._signed(key, given[0] if len(given) == 1 else "")
        if viewer.is_signed_in and viewer.identity != signer.identity:
            raise SignatureError("The signed address is another caller's than the token.", Why.SIGNATURE)
        return viewer if viewer.is_signed_in else signer

    @contextmanager
    def _one_more(self, caller: Caller) -> Iterator[None]:
        if self._under_way[caller] >= self._per_caller:
            raise TooManyDocumentsError(self._per_caller)
        self._under_way[caller] += 1
        try:
            yield
        finally:
            self._under_way[caller] -= 1
            if not self._under_way[caller]:
                del self._under_way[caller]


class _DocumentResponse(StreamingResponse):
    """Closes the upstream document, also if the client disconnects before anything is sent."""

    def __init__(
        self, parts: AsyncIterator[bytes], status: int, headers: Mapping[str, str], opened: AsyncExitStack
    ) -> None:
        super().__init__(parts, status, headers)
        self._response = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._response:
            await super().__call__(scope, receive, send)


async def _find(
    context: GatewayContext, owner: str, document_id: str, part: ByteRange | None
) -> tuple[Document, AbstractAsyncContextManager[File | None]]:
    try:
        type_name, key = split_id(owner)
    except BadInput as error:
        raise DocumentNotFoundError from error
    owner_type = DOCUMENT_OWNERS.get(type_name)
    if owner_type is None:
        raise DocumentNotFoundError
    record = await NODES[type_name].loader.of(context).load(key)
    documents: Sequence[Document] = () if record is None else getattr(record, owner_type.attribute)
    found = next((one for one in documents if one.id == document_id), None)
    if found is None:
        raise DocumentNotFoundError
    return found, getattr(context.connectors, owner_type.domain).open_document(found, part)


async def _joined(first: bytes, rest: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    yield first
    if rest is not None:
        async for part in rest:
            yield part
