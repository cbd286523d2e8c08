"""`[cors]`: pages of which other origins may call the gateway from a browser (the Fetch standard's CORS protocol)."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from connectors.strict import Strict

_ORIGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:\[[0-9a-f:.]+\]|[a-z0-9*_-]+(?:\.[a-z0-9*_-]+)*)(?::(?:[0-9]{1,5}|\*))?"
)

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _origin(text: str) -> str:
    if text != "*" and not _ORIGIN.fullmatch(text):
        raise ValueError(
            f"{text!r} is no origin: it is a scheme and a host in lower case, with a port if it is not the scheme's"
            ' own, and no path: "https://portal.example", "https://*.portal.example", "http://localhost:*"'
        )
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text) or text == "*":
        raise ValueError(f"{text!r} is no name of a header")
    return text


class CorsSettings(Strict):
    """Without origins the gateway answers as if there were no CORS. Cookies are never allowed: it knows none."""

    origins: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...],
        Field(
            description='Origins of pages that may call the gateway, such as "https://portal.example"; "*" for all. In'
            ' a pattern "*" stands for a part of the host ("https://*.portal.example") or for any port'
            ' ("http://localhost:*").'
        ),
    ] = ()
    headers: Annotated[
        tuple[Annotated[str, AfterValidator(_header)], ...],
        Field(description="Headers that these pages may send beside those that the gateway knows."),
    ] = ()
    max_age: Annotated[
        int, Field(ge=0, le=86400, description="Seconds for which a browser remembers what it may send.")
    ] = 600
