"""Files behind the graph: streamed from the system that keeps them, after the same ownership check as in the graph.

The address names the record and the file (`/documents/Bill:77/1`), never where the system keeps it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from connectors.errors import ConnectorError
from connectors.records import Document
from gateway.access import SignInRequiredError
from gateway.context import Contexts, GatewayContext
from gateway.errors import RequestError
from gateway.graphql_http import Authenticate
from resolvers.billing import BillById
from resolvers.errors import BadInput
from resolvers.ids import split_id
from resolvers.ticketing import TicketById

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+")


class DocumentNotFoundError(RequestError):
    """There is no such document, or it is not the viewer's: the same answer for both."""

    status = 404
    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such document, or it is not yours.")


class SystemUnavailableError(RequestError):
    """The system that keeps the document did not give it."""

    status = 502
    code = "UPSTREAM_FAILED"


class DocumentEndpoint:
    """`GET /documents/{owner}/{document}`, with the same bearer token as the graph."""

    def __init__(self, authenticate: Authenticate, contexts: Contexts) -> None:
        self._authenticate, self._contexts = authenticate, contexts

    async def respond(self, request: Request) -> Response:
        """Stream the document, or say why not."""
        try:
            return await self._open(request)
        except RequestError as error:
            return error.response()
        except ConnectorError as error:
            return SystemUnavailableError(error.public, code=error.code).response()

    async def _open(self, request: Request) -> Response:
        viewer = await self._authenticate(request)
        if not viewer.is_signed_in:
            raise SignInRequiredError
        context = self._contexts.make(viewer, {"Bill": frozenset({"documents"}), "Ticket": frozenset({"attachments"})})
        stack = AsyncExitStack()
        stack.push_async_callback(context.close)
        try:
            document, opening = await _find(context, request.path_params["owner"], request.path_params["document"])
            parts = await stack.enter_async_context(opening)
            if parts is None:
                raise DocumentNotFoundError
        except BaseException:
            await stack.aclose()
            raise
        return StreamingResponse(_closing(parts, stack), headers=_headers(document))


async def _find(context: GatewayContext, owner: str, document_id: str) -> tuple[Document, Any]:
    try:
        type_name, key = split_id(owner)
    except BadInput as error:
        raise DocumentNotFoundError from error
    record: Any
    if type_name == "Bill":
        record = await BillById.of(context).load(key)
        documents = record.documents if record else ()
        opening = context.connectors.billing.bill_document(key, document_id)
    elif type_name == "Ticket":
        record = await TicketById.of(context).load(key)
        documents = record.attachments if record else ()
        opening = context.connectors.ticketing.ticket_attachment(key, document_id)
    else:
        raise DocumentNotFoundError
    found = next((one for one in documents if one.id == document_id), None)
    if found is None:
        raise DocumentNotFoundError
    return found, opening


async def _closing(parts: AsyncIterator[bytes], stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        async for part in parts:
            yield part


def _headers(document: Document) -> dict[str, str]:
    """Files come from elsewhere: they are saved, not shown, and never run as part of the gateway's own pages."""
    media_type = document.mime_type or ""
    return {
        "Content-Type": media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.name or document.id, safe='')}",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
