"""Checks the credentials that the switch `auth` requires."""

from base64 import b64decode
from binascii import Error as BadBase64
from hmac import compare_digest
from secrets import token_urlsafe
from time import monotonic
from urllib.parse import parse_qs

from sandbox.protocol.answers import Answer, Refused, to_json
from sandbox.protocol.switches import Auth


class CredentialCheck:
    """Checks credentials and issues OAuth 2 tokens (client credentials, RFC 6749 section 4.4)."""

    def __init__(self) -> None:
        self._tokens: dict[str, float] = {}

    def check(self, auth: Auth, headers: dict[bytes, bytes]) -> None:
        """Return if the request may pass. Raises Refused (401)."""
        if auth.kind == "none":
            return
        if auth.kind == "apiKey":
            shown = headers.get(auth.header.lower().encode(), b"").decode("latin-1")
            if not auth.token or not compare_digest(shown.encode(), auth.token.encode()):
                raise Refused(401, f"header {auth.header} is missing or wrong")
            return
        scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if auth.kind == "basic":
            if scheme.lower() != "basic" or _decoded(rest) != f"{auth.username}:{auth.password}":
                raise Refused(
                    401, "basic credentials are missing or wrong", [(b"www-authenticate", b'Basic realm="sandbox"')]
                )
        elif scheme.lower() != "bearer" or not self._known(auth, rest):
            raise Refused(401, "bearer token is missing, wrong or expired", [(b"www-authenticate", b"Bearer")])

    def _known(self, auth: Auth, token: str) -> bool:
        if auth.kind == "bearer":
            return bool(auth.token) and compare_digest(token.encode(), auth.token.encode())
        return monotonic() < self._tokens.get(token, 0)

    def issue(self, auth: Auth, body: bytes, headers: dict[bytes, bytes]) -> Answer:
        """Answer a token request; the client is named in the form or in basic credentials."""
        form = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "basic":
            client, _, secret = _decoded(rest).partition(":")
        if auth.kind != "oauth2" or form.get("grant_type") != "client_credentials":
            return Answer(400, to_json({"error": "unsupported_grant_type"}))
        if (client, secret) != (auth.client_id, auth.client_secret):
            return Answer(401, to_json({"error": "invalid_client"}))
        token = token_urlsafe(24)
        self._tokens[token] = monotonic() + auth.expires_in
        return Answer(200, to_json({"access_token": token, "token_type": "Bearer", "expires_in": auth.expires_in}))


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except (BadBase64, UnicodeDecodeError):
        return ""
