"""The settings of one system: its address, the credentials for it, and its limits."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from connectors.links import CUSTOMER_KEY, REFERENCE, Entity
from connectors.network import NetworkSettings
from connectors.policy_settings import PolicySettings
from connectors.secret_files import UnusableFile, WithSecrets
from connectors.signing import signing_key
from connectors.strict import Strict
from connectors.texts import (
    BaseAddress,
    BearerToken,
    HeaderName,
    HeaderValue,
    PagePath,
    TokenAddress,
    UserName,
    matching,
    names_a_user,
)
from connectors.wrong_settings import missing_setting, wrong_setting

SLOW: Final = 0.8
"""Share of the time that a call has from which on it is slow, where the settings do not say."""

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a type's name (RFC 8693, 3)


class BearerAuth(WithSecrets):
    """A fixed token in the Authorization header."""

    needed = frozenset({"token"})

    kind: Literal["bearer"]
    token: Annotated[BearerToken | None, Field(repr=False, description="The token.")] = None
    token_file: Annotated[Path | None, Field(description="File with the token.")] = None


class BasicAuth(WithSecrets):
    """User name and password."""

    needed = frozenset({"password"})

    kind: Literal["basic"]
    username: Annotated[UserName, Field(description="The user name.")]
    password: Annotated[str | None, Field(repr=False, description="The password.")] = None
    password_file: Annotated[Path | None, Field(description="File with the password.")] = None


class ApiKeyAuth(WithSecrets):
    """A key in a header of the system's choice."""

    needed = frozenset({"key"})

    kind: Literal["api_key"]
    key: Annotated[HeaderValue | None, Field(repr=False, description="The key.")] = None
    key_file: Annotated[Path | None, Field(description="File with the key.")] = None
    header: Annotated[HeaderName, Field(description="The header.")] = "X-API-Key"


ClientAuth = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
"""How the gateway proves to a token endpoint which client it is (OpenID Connect Core 1.0, section 9)."""


class TokenEndpointAuth(WithSecrets):
    """What is common to the kinds that get tokens from a token endpoint."""

    token_url: Annotated[TokenAddress, Field(description="The token endpoint's address.")]
    client_id: Annotated[str, Field(description="What the gateway is called there.")]
    client_secret: Annotated[str | None, Field(repr=False, description="The client's secret.")] = None
    client_secret_file: Annotated[Path | None, Field(description="File with the client secret.")] = None
    client_auth: Annotated[
        ClientAuth,
        Field(
            description="How the client is authenticated: its secret in the Authorization header, or in the form, or a"
            " JWT (RFC 7523) that is signed with private_key_file."
        ),
    ] = "client_secret_basic"
    private_key_file: Annotated[Path | None, Field(description="The client's private key (PEM).")] = None
    key_id: Annotated[str | None, Field(description="The key's id (kid) at the provider.")] = None
    algorithm: Annotated[
        Literal["RS256", "PS256", "ES256", "ES384", "EdDSA"] | None,
        Field(description="What the JWT is signed with; by default what is usual for the key."),
    ] = None
    assertion_audience: Annotated[
        str | None, Field(description="The JWT's aud, where it is not token_url; often the issuer's address.")
    ] = None
    scope: Annotated[str | None, Field(description="Scopes to ask for, with spaces between them.")] = None
    audience: Annotated[
        str | tuple[str, ...] | None, Field(description="For whom the token is to be, as the provider names it.")
    ] = None
    resource: Annotated[
        str | tuple[str, ...] | None, Field(description="Addresses for which the token is to be (RFC 8707).")
    ] = None
    network: Annotated[
        NetworkSettings | None, Field(description="How token_url is reached; by default as the system is.")
    ] = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        secret = self.client_secret is not None or self.client_secret_file is not None
        if self.client_auth != "private_key_jwt":
            for name in ("private_key_file", "key_id", "algorithm", "assertion_audience"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{name}: only with client_auth = 'private_key_jwt'")
            if not secret:
                missing = missing_setting("client_secret")
                raise ValidationError.from_exception_data(type(self).__name__, [missing])
            return self
        if secret:
            raise ValueError("client_auth = 'private_key_jwt' takes private_key_file, and no client_secret")
        if self.private_key_file is None:
            missing = missing_setting("private_key_file")
            raise ValidationError.from_exception_data(type(self).__name__, [missing])
        try:
            signing_key(self.private_key_file, self.algorithm)
        except UnusableFile as error:
            details = [wrong_setting(error.setting, str(error))]
            raise ValidationError.from_exception_data(type(self).__name__, details) from error
        return self


class OAuth2Auth(TokenEndpointAuth):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    kind: Literal["oauth2"]


class SessionAuth(WithSecrets):
    """User name and password, posted once to a login page; its cookies are then sent until the system refuses them.

    For products that check a token or password slowly at each request, as Request Tracker does (bcrypt). Login pages
    with a CSRF token in their form (Django's, Rails') are not supported.
    """

    needed = frozenset({"password"})

    kind: Literal["session"]
    username: Annotated[str, Field(description="The user name.")]
    password: Annotated[str | None, Field(repr=False, description="The password.")] = None
    password_file: Annotated[Path | None, Field(description="File with the password.")] = None
    login_path: Annotated[PagePath, Field(description="Where the form is posted, under the system's url.")]
    verify_path: Annotated[
        PagePath,
        Field(description="A cheap read under the system's url that needs a login; sent after each one."),
    ]
    username_field: Annotated[str, Field(description="The form's field for the user name.")] = "username"
    password_field: Annotated[str, Field(description="The form's field for the password.")] = "password"  # noqa: S105  # a name
    referer: Annotated[
        BaseAddress | None,
        Field(
            description="The address that the system has for itself, sent as Referer: against forged requests many"
            " write nothing in a session without it. By default the system's url."
        ),
    ] = None


class ForwardAuth(Strict):
    """The caller's own bearer token is passed on, and the system decides what that caller may read.

    Reads are then not shared between requests. Health probes and `gateway check` send no credentials.
    """

    kind: Literal["forward"]


class TokenExchangeAuth(TokenEndpointAuth):
    """The caller's own bearer token is exchanged for one that is for this system (RFC 8693), which decides as before.

    As with `ForwardAuth` nothing is shared between requests, and nobody's token is got where there is no caller.
    """

    kind: Literal["token_exchange"]
    subject_token_type: Annotated[str, Field(description="What the caller's token is called.")] = ACCESS_TOKEN
    requested_token_type: Annotated[
        str | None, Field(description="What is wanted; by default the provider's choice.")
    ] = None
    cached_tokens: Annotated[int, Field(ge=1, le=1_000_000, description="Most callers' tokens that are kept.")] = 4096

    @property
    def exchanged_as(self) -> dict[str, str]:
        """What the provider is told of the tokens (RFC 8693, 2.1)."""
        names = {"subject_token_type": self.subject_token_type}
        return names | ({"requested_token_type": self.requested_token_type} if self.requested_token_type else {})


PERSONAL: Final = (ForwardAuth, TokenExchangeAuth)
"""Kinds by which a system is shown who the caller is: what it answers is for that caller only."""

Auth = Annotated[
    BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | SessionAuth | ForwardAuth | TokenExchangeAuth,
    Field(discriminator="kind"),
]


class System(Strict):
    """One system behind the gateway: its address, the credentials for it, and its limits."""

    url: Annotated[BaseAddress, Field(description="Address, without a resource's path.")]
    driver: Annotated[str, Field(description="Name of the driver for the system's product.")] = "tmf"
    auth: Annotated[Auth | None, Field(description="Credentials towards the system.")] = None
    network: Annotated[NetworkSettings, Field(description="Certificates, TLS version and proxy on the way to it.")] = (
        NetworkSettings()
    )
    options: Annotated[
        dict[str, Any], Field(description="Configuration of a driver for a single product; see the driver's options.")
    ] = {}
    profile: Annotated[
        dict[str, Any], Field(description="How an installation of the TM Forum standard deviates from it.")
    ] = {}
    customer_key: Annotated[
        str,
        matching(CUSTOMER_KEY, 'customer.id, party.id, or external: and a name, such as "external:billing"'),
        Field(
            description="The id that this system uses for customers: customer.id (the CRM's customer number), party.id"
            " (the person or company that is the customer), or external:NAME (a reference kept on the CRM's record).",
        ),
    ] = "customer.id"
    references: Annotated[
        dict[Entity, Annotated[str, matching(REFERENCE, "a text with {id} in it once, such as 'urn:service:{id}'")]],
        Field(
            description="How this system writes ids of other systems' records, with {id} for the id, such as service ="
            " 'urn:service:{id}'. By default the id is written unchanged."
        ),
    ] = {}
    concurrency: Annotated[int, Field(ge=1, description="Most calls to the system at the same time.")] = 16
    share: Annotated[bool, Field(description="Whether concurrent requests for the same data share a call.")] = True
    share_after: Annotated[
        int, Field(ge=1, description="Calls of one kind under way at which new keys start to wait for the next call.")
    ] = 2
    share_keys: Annotated[int, Field(ge=1, description="Most keys in one shared call.")] = 200
    policy: Annotated[
        PolicySettings, Field(description="What is done while the system is slow, failing or refusing.")
    ] = PolicySettings()
    connect_timeout: Annotated[float, Field(gt=0, description="Seconds to reach the system.")] = 1.0
    timeout: Annotated[float, Field(gt=0, description="Seconds for one whole call.")] = 3.0
    reads_after: Annotated[
        float,
        Field(ge=0, le=60, description="Seconds after which the system shows what was written to it, at the latest."),
    ] = 0.0
    trace_context: Annotated[
        bool, Field(description="Whether the system is sent the trace of the request (W3C traceparent).")
    ] = False
    max_bytes: Annotated[int, Field(ge=1024, description="Largest answer that is read.")] = 32 * 1024 * 1024
    max_file_bytes: Annotated[int, Field(ge=1, description="Largest document that is passed on.")] = 100 * 1024 * 1024
    file_timeout: Annotated[float, Field(gt=0, description="Seconds for one whole document.")] = 120.0
    file_pause: Annotated[
        float, Field(gt=0, description="Seconds that a document's reader may take in all before file_rate counts.")
    ] = 5.0
    file_rate: Annotated[
        float, Field(gt=0, description="Bytes a second at which a document's reader must take it.")
    ] = 32 * 1024.0
    max_rows: Annotated[
        int, Field(ge=1, le=1_000_000_000, description="Most rows read for one query, over all its pages.")
    ] = 20_000
    max_calls: Annotated[int, Field(ge=1, description="Most calls for one query.")] = 200

    @model_validator(mode="after")
    def _shows_one_kind_of_credentials(self) -> Self:
        if self.auth is not None and names_a_user(self.url):
            raise ValueError("url: should have no user name and password beside auth: one of them is sent, not both")
        return self

    @model_validator(mode="after")
    def _shows_certificates_by_https_only(self) -> Self:
        if self.network.names_certificates and not self.url.startswith("https:"):
            raise ValueError("network: ca_file, certificate_file and min_tls are for a url that begins with https://")
        return self

    def on_loopback(self, url: str) -> Self:
        """The system as if it were here on this machine, without its network; its token endpoint is as before."""
        auth = self.auth
        if isinstance(auth, TokenEndpointAuth) and auth.network is None:
            auth = auth.model_copy(update={"network": self.network})
        return self.model_copy(update={"url": url, "network": NetworkSettings(), "auth": auth})

    def asked_for(self, seconds: float) -> Self:
        """The system towards requests that wait for it so long at most, which may be less than its `timeout`.

        A call that takes most of that is slow then, if the settings do not say from when on it is. Otherwise nothing
        would be learned of a system that hangs: each call is ended before it is slow.
        """
        if self.policy.slow is not None or seconds >= self.timeout:
            return self
        return self.model_copy(update={"policy": self.policy.model_copy(update={"slow": SLOW * seconds})})

    @property
    def slow(self) -> float:
        """Seconds from which on a call counts as slow."""
        return self.policy.slow or SLOW * self.timeout

    @property
    def is_personal(self) -> bool:
        """Whether it is shown who the caller is, so that its answers are for that caller only."""
        return isinstance(self.auth, PERSONAL)
