"""Files that a page's build wrote beside its HTML: with a hash of their content in the name, so kept for ever."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from gateway.http.headers import listed
from gateway.http.media_types import accepts_gzip

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Media types of everything that a build writes beside index.html; the system's own table varies by machine."""

COMMON_HEADERS = {"Referrer-Policy": "no-referrer"}


class _File(FileResponse):
    max_ranges = 4  # each is read by a thread; browsers ask for one


class Assets:
    """Serves the files of one folder by their `name` in the route, packed (`.gz`) where the client takes that."""

    def __init__(self, folder: Path) -> None:
        # Only names listed here are ever opened, so no request can reach outside the folder.
        self._files = {path.name: path for path in folder.glob("*") if path.suffix in (*MEDIA_TYPES, ".gz")}

    async def answer(self, request: Request) -> Response:
        """The file, or 404."""
        name = request.path_params["name"]
        path = self._files.get(name)
        if path is None or path.suffix == ".gz":
            return PlainTextResponse("This file does not exist.\n", 404, headers=COMMON_HEADERS)
        headers = {**COMMON_HEADERS, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        packed = self._files.get(f"{name}.gz")
        # Packed once, at build time: megabytes are not to be compressed in the event loop for every visitor.
        if packed is not None and accepts_gzip(listed(request.headers, "accept-encoding")):
            path, headers["Content-Encoding"] = packed, "gzip"
        return _File(path, headers=headers, media_type=MEDIA_TYPES[Path(name).suffix])
