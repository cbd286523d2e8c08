"""The settings of one system: its address, the credentials for it, and its limits."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from connectors.links import CUSTOMER_KEY, REFERENCE, Entity
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


class BearerAuth(Strict):
    """A fixed token in the Authorization header."""

    kind: Literal["bearer"]
    token: Annotated[BearerToken, Field(repr=False)]


class BasicAuth(Strict):
    """User name and password."""

    kind: Literal["basic"]
    username: UserName
    password: Annotated[str, Field(repr=False)]


class ApiKeyAuth(Strict):
    """A key in a header of the system's choice."""

    kind: Literal["api_key"]
    key: Annotated[HeaderValue, Field(repr=False)]
    header: HeaderName = "X-API-Key"


class OAuth2Auth(Strict):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    kind: Literal["oauth2"]
    token_url: TokenAddress
    client_id: str
    client_secret: Annotated[str, Field(repr=False)]
    scope: str | None = None


class SessionAuth(Strict):
    """User name and password, posted once to a login page; its cookies are then sent until the system refuses them.

    For products that check a token or password slowly at each request, as Request Tracker does (bcrypt). Login pages
    with a CSRF token in their form (Django's, Rails') are not supported.
    """

    kind: Literal["session"]
    username: str
    password: Annotated[str, Field(repr=False)]
    login_path: Annotated[PagePath, Field(description="Where the form is posted, under the system's url.")]
    verify_path: Annotated[
        PagePath,
        Field(description="A cheap read under the system's url that needs a login; sent after each one."),
    ]
    username_field: str = "username"
    password_field: str = "password"  # noqa: S105  # the field's name


class ForwardAuth(Strict):
    """The caller's own bearer token is passed on, and the system decides what that caller may read.

    Reads are then not shared between requests. Health probes and `gateway check` send no credentials.
    """

    kind: Literal["forward"]


Auth = Annotated[
    BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | SessionAuth | ForwardAuth, Field(discriminator="kind")
]


class System(Strict):
    """One system behind the gateway: its address, the credentials for it, and its limits."""

    url: Annotated[BaseAddress, Field(description="Address, without a resource's path.")]
    driver: Annotated[str, Field(description="Name of the driver for the system's product.")] = "tmf"
    auth: Annotated[Auth | None, Field(description="Credentials towards the system.")] = None
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
    connect_timeout: Annotated[float, Field(gt=0, description="Seconds to reach the system.")] = 1.0
    timeout: Annotated[float, Field(gt=0, description="Seconds for one whole call.")] = 3.0
    reads_after: Annotated[
        float,
        Field(ge=0, le=60, description="Seconds after which the system shows what was written to it, at the latest."),
    ] = 0.0
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
