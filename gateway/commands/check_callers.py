"""The part of `gateway check` for systems that are shown who the caller is: what can be told while there is none."""

import base64
from typing import Final

import aiohttp

from connectors.errors import ConnectorError
from connectors.http.through import through
from connectors.http.token_endpoint import TokenEndpoint
from connectors.settings import System, TokenExchangeAuth

ANSWERS_ANYBODY: Final = "it answers without credentials, so it does not ask who the caller is"
"""What is odd about a system that is shown who the caller is, and does not look."""

WANTS_A_CALLER: Final = (
    "It wants a caller's credentials, as it should, and here is no caller: whether it takes a caller's token shows when"
    " the gateway is asked with one."
)
"""Said of a system that refuses who shows nothing."""

_HEADER, _CLAIMS = b'{"alg":"RS256","typ":"JWT"}', b'{"sub":"gateway-check","exp":0}'
_UNSIGNED: Final = ".".join(
    base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (_HEADER, _CLAIMS, bytes(256))
)
"""Has the form of a token, because some providers break at what has not."""


PROVES_NOTHING: Final = (
    "So it refuses a token that nobody signed, which is right. Whether it exchanges a caller's shows when the"
    " gateway is asked with one."
)
"""Said of a token endpoint that may exchange callers' tokens, or not."""

EXCHANGES_ANYTHING: Final = "its token endpoint gives a token for one that nobody signed: whoever asks is anybody"
"""What is odd about a token endpoint that does not look at what it is shown."""


async def refused_exchange(
    name: str, system: System, auth: TokenExchangeAuth, session: aiohttp.ClientSession
) -> ConnectorError | None:
    """Why the provider exchanges no token that nobody signed: with `of_caller`, as it should."""
    network = system.network if auth.network is None else auth.network
    endpoint = TokenEndpoint(name, auth, through(network, session), system.timeout)
    try:
        await endpoint.exchanged(_UNSIGNED, auth.exchanged_as)
    except ConnectorError as error:
        return error
    return None
