"""The example portal at `/portal`: a page for customers and for the desk, built from `portal/`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.auth.sign_in import SignIn
from gateway.http.assets import COMMON_HEADERS, Assets
from gateway.http.graphiql import STATIC_FOLDER, Answers, json_for_html
from gateway.http.status import COUNTS

PORTAL_FOLDER = STATIC_FOLDER / "portal"
AT = "/portal"
"""Where the portal is; each of its pages has an address of its own below."""

NOT_BUILT = "The portal is not built. Run `make setup` in the gateway's folder, then start the gateway again.\n"

_LEVELS: Final = 20
"""Levels below `/portal` that an address of a page may have. The page names the way back, which is as long."""


def content_security_policy(provider: str | None = None) -> str:
    """The portal's policy: everything from its own host, nothing inline, and requests to the sign-in's provider.

    `provider` is its origin, None where nobody signs in. The browser goes there and comes back as a whole (no form, no
    frame), so `connect-src` alone names it.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"connect-src 'self' {provider}" if provider else "connect-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


class PortalPage:
    """Serves the built portal and its assets.

    Args:
        static_folder: what `portal/build.py` wrote: `index.html`, and `assets` named by their content.
        demo_tokens: bearer tokens by the name to show, for `gateway demo` only: whoever can load the page gets them.
        demo_systems: the name, beside the portal, of what stops and starts the demo's systems; None outside the demo.
        sign_in: how people sign in; None: they cannot, but as one of `demo_tokens`.
        only_status: whether there is the page about the gateway's state, and no other.
    """

    def __init__(
        self,
        static_folder: Path = PORTAL_FOLDER,
        demo_tokens: Mapping[str, str] | None = None,
        demo_systems: str | None = None,
        sign_in: SignIn | None = None,
        *,
        only_status: bool = False,
    ) -> None:
        self._demo_tokens = dict(demo_tokens or {})
        self._demo_systems = demo_systems
        self._sign_in, self._only_status = sign_in, only_status
        index = static_folder / "index.html"
        self._html = index.read_text(encoding="utf-8") if index.is_file() else None
        self._assets = Assets(static_folder / "assets")
        self._headers = {
            **COMMON_HEADERS,
            "Content-Security-Policy": content_security_policy(sign_in.origin if sign_in else None),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cache-Control": "no-store",  # in the demo it carries tokens
        }

    def routes(self, paid: Callable[[Answers], Answers] | None = None) -> list[Route]:
        """The assets' route and those of the pages. `paid` lets their requests be paid for."""
        asset: Answers = self._assets.answer
        page: Answers = self._page
        if paid:
            asset, page = paid(asset), paid(page)
        return [
            Route(f"{AT}/assets/{{name}}", asset, methods=["GET"]),
            Route(AT, page, methods=["GET"]),
            Route(f"{AT}/{{page:path}}", page, methods=["GET"]),
        ]

    async def _page(self, request: Request) -> Response:
        """The HTML, the same for all of the portal's addresses: what is shown there the browser decides."""
        if self._html is None:
            return PlainTextResponse(NOT_BUILT, 503, headers={**COMMON_HEADERS, "Cache-Control": "no-store"})
        below = self._below(request)
        if below > _LEVELS:
            return PlainTextResponse("There is no such page.\n", 404, headers=COMMON_HEADERS)
        root = "../" * (below - 1) or "./" if below else f"{AT[1:]}/"
        config = {
            "root": root,
            "endpoint": f"{root}../graphql",
            "demoTokens": self._demo_tokens,
            "demoSystems": self._demo_systems and f"{root}../{self._demo_systems}",
            "status": f"{root}..{COUNTS}",
            "onlyStatus": self._only_status,
            "signIn": self._sign_in and self._sign_in.document,
        }
        html = self._html.replace("%BASE%", root).replace("%CONFIG%", json_for_html(config))
        return Response(html, headers=self._headers, media_type="text/html")

    @staticmethod
    def _below(request: Request) -> int:
        """How many levels the page's address is below `/portal`: only the browser knows which prefix a proxy cuts off.

        Slashes are counted in the address as it was sent, since an id in it can have some of its own (%2F).
        """
        raw: bytes = request.scope["raw_path"]
        return raw.removeprefix(request.scope.get("root_path", "").encode()).count(b"/") - 1
