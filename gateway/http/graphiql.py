"""The page that a browser gets at `/graphql`: GraphiQL, built from `web/` into `gateway/static/`."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.auth.sign_in import SignIn
from gateway.http.assets import COMMON_HEADERS, Assets

STATIC_FOLDER = Path(__file__).resolve().parents[1] / "static"
ASSETS_PATH = "/graphiql"
"""Where the assets are served, beside the page; `web/build.mjs` writes the same folder into the page."""

NOT_BUILT = "The GraphiQL page is not built. Run `make setup` in the gateway's folder, then start the gateway again.\n"

Answers = Callable[[Request], Awaitable[Response]]


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
        self._assets = Assets(static_folder)

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
        asset: Answers = self._assets.answer
        return [Route(f"{ASSETS_PATH}/{{name}}", paid(asset) if paid else asset, methods=["GET"])]
