"""The page that a browser gets at `/graphql`: GraphiQL, built from `web/` into `gateway/static/`."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.auth.sign_in import SignIn
from gateway.http.headers import listed
from gateway.http.media_types import accepts_gzip

STATIC_FOLDER = Path(__file__).resolve().parents[1] / "static"
ASSETS_PATH = "/graphiql"
"""Where the assets are served, beside the page; `web/build.mjs` writes the same folder into the page."""

NOT_BUILT = "The GraphiQL page is not built. Run `make setup` in the gateway's folder, then start the gateway again.\n"

MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
"""Media types of everything that the build writes beside index.html; the system's own table varies by machine."""

Answers = Callable[[Request], Awaitable[Response]]

COMMON_HEADERS = {"Referrer-Policy": "no-referrer"}


def content_security_policy(style_nonce: str, provider: str | None = None) -> str:
    """The page's policy: scripts, workers and requests from its own host only, and requests to the sign-in's provider.

    `provider` is its origin, None where nobody signs in. The browser goes there and comes back as a whole (no form, no
    frame), so `connect-src` alone names it.

    Monaco (GraphiQL's editor) lays out its lines with `style` attributes inside generated HTML, and makes `<style>`
    elements for its themes. The elements carry the nonce; the attributes can only be let in as a whole, which
    `style-src-attr` does without opening `<style>` elements or any script.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"connect-src 'self' {provider}" if provider else "connect-src 'self'",
            f"style-src 'self' 'nonce-{style_nonce}'",
            "style-src-attr 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def json_for_html(value: object) -> str:
    """JSON that is safe inside a `<script type="application/json">` element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class GraphiQLPage:
    """Serves the built page and its assets.

    Args:
        static_folder: what `web/build.py` wrote: `index.html` and assets with a hash of their content in the name.
        demo_tokens: bearer tokens by the name to show, for `gateway demo` only: whoever can load the page gets them.
        endpoint: the name, beside the page, of what it sends operations to.
        sign_in: how people sign in on it; None: they paste a token.
    """

    def __init__(
        self,
        static_folder: Path = STATIC_FOLDER,
        demo_tokens: Mapping[str, str] | None = None,
        endpoint: str = "graphql",
        sign_in: SignIn | None = None,
    ) -> None:
        self._demo_tokens = dict(demo_tokens or {})
        self._endpoint = endpoint
        self._sign_in = sign_in
        index = static_folder / "index.html"
        self._html = index.read_text(encoding="utf-8") if index.is_file() else None
        # Only names listed here are ever opened, so no request can reach outside the folder.
        self._assets = {path.name: path for path in static_folder.glob("*") if path.suffix in (*MEDIA_TYPES, ".gz")}

    def response(self, request: Request) -> Response:
        """The HTML for a browser that asks for the endpoint, or 503 with one sentence where the page is not built."""
        if self._html is None:
            return PlainTextResponse(NOT_BUILT, 503, headers={**COMMON_HEADERS, "Cache-Control": "no-store"})
        nonce = secrets.token_urlsafe(16)
        # Only the browser knows which prefix a proxy cuts off, so all addresses are relative to the page's own.
        beside = "../" if request.scope["path"].endswith("/") else ""
        config = {
            "endpoint": f"{beside}{self._endpoint}",
            "styleNonce": nonce,
            "demoTokens": self._demo_tokens,
            "signIn": self._sign_in.document if self._sign_in else None,
        }
        headers = {
            **COMMON_HEADERS,
            "Content-Security-Policy": content_security_policy(nonce, self._sign_in.origin if self._sign_in else None),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",  # carries a nonce and, in the demo, tokens
            "Vary": "Accept",
        }
        html = self._html.replace("%BASE%", beside).replace("%CONFIG%", json_for_html(config))
        return Response(html, headers=headers, media_type="text/html")

    def routes(self, paid: Callable[[Answers], Answers] | None = None) -> list[Route]:
        """The assets' route. `paid` lets its requests be paid for."""
        return [Route(f"{ASSETS_PATH}/{{name}}", paid(self._asset) if paid else self._asset, methods=["GET"])]

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        path = self._assets.get(name)
        if path is None or path.suffix == ".gz":
            return PlainTextResponse("This file does not exist.\n", 404, headers=COMMON_HEADERS)
        headers = {**COMMON_HEADERS, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        packed = self._assets.get(f"{name}.gz")
        # Packed once, at build time: megabytes are not to be compressed in the event loop for every visitor.
        if packed is not None and accepts_gzip(listed(request.headers, "accept-encoding")):
            path, headers["Content-Encoding"] = packed, "gzip"
        return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[Path(name).suffix])
