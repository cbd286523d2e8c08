"""Compression of what is answered outside /graphql."""

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import Receive, Scope, Send

from gateway.http.headers import listed
from gateway.http.media_types import accepts_gzip
from resolvers.documents import FOLDER


class Compression(GZipMiddleware):
    """Starlette's, told what the client accepts: it looks for the word gzip in the first line, whatever its weight."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Files stay as they are: their length and parts are those of their own bytes."""
        if scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")).startswith(f"{FOLDER}/"):
            await self.app(scope, receive, send)
            return
        if scope["type"] == "http":
            accepts = accepts_gzip(listed(Headers(scope=scope), "accept-encoding"))
            others = [header for header in scope["headers"] if header[0] != b"accept-encoding"]
            coding = (b"accept-encoding", b"gzip" if accepts else b"identity")
            scope = {**scope, "headers": [*others, coding]}
        await super().__call__(scope, receive, send)
