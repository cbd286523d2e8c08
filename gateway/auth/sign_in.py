"""How a page of the gateway's signs a person in: OpenID Connect's code flow with PKCE, in the browser."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class SignIn:
    """The client that pages are at the provider. It is public: it has no secret. `scopes` are words in one string."""

    issuer: str
    client_id: str
    scopes: str

    @property
    def origin(self) -> str:
        """The provider's origin, which a page's policy (Content-Security-Policy, `connect-src`) lets it ask."""
        address = urlsplit(self.issuer)
        return f"{address.scheme}://{address.netloc.rpartition('@')[2]}"

    @property
    def document(self) -> dict[str, str]:
        """What the page's configuration carries as `signIn`."""
        return {"issuer": self.issuer, "clientId": self.client_id, "scopes": self.scopes}
