"""One system in the settings: where it is, how we identify ourselves, and how hard we may lean on it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from connectors.links import CUSTOMER_KEY, REFERENCE, Entity
from connectors.strict import Strict


class BearerAuth(Strict):
    """A fixed token in the Authorization header."""

    kind: Literal["bearer"]
    token: Annotated[str, Field(repr=False)]


class BasicAuth(Strict):
    """User name and password."""

    kind: Literal["basic"]
    username: str
    password: Annotated[str, Field(repr=False)]


class ApiKeyAuth(Strict):
    """A key in a header of the system's choice."""

    kind: Literal["api_key"]
    key: Annotated[str, Field(repr=False)]
    header: str = "X-API-Key"


class OAuth2Auth(Strict):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    kind: Literal["oauth2"]
    token_url: str
    client_id: str
    client_secret: Annotated[str, Field(repr=False)]
    scope: str | None = None


class SessionAuth(Strict):
    """User name and password posted to a login page once; its cookies are shown from then on, until they are refused.

    For products that check a token or a password slowly at every request, as Request Tracker does (bcrypt). A login
    page that wants a token of its own form back (Django's, Rails') is not spoken to.
    """

    kind: Literal["session"]
    username: str
    password: Annotated[str, Field(repr=False)]
    login_path: Annotated[str, Field(pattern="^/", description="Where the form is posted, under the system's url.")]
    verify_path: Annotated[
        str,
        Field(pattern="^/", description="A cheap read under the system's url that needs a login, asked after each."),
    ]
    username_field: str = "username"
    password_field: str = "password"  # noqa: S105  # the field's name


class ForwardAuth(Strict):
    """The caller's own bearer token is passed on, and the system decides what that caller may read.

    Nothing is shared between requests then. What no caller asks for (health, `gateway check`) goes without credentials.
    """

    kind: Literal["forward"]


Auth = Annotated[
    BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | SessionAuth | ForwardAuth, Field(discriminator="kind")
]


class System(Strict):
    """One system behind the gateway: where it is, how we identify ourselves, and how hard we may lean on it."""

    url: Annotated[str, Field(pattern=r"^https?://[^/\s]+", description="Address, without a resource's path.")]
    driver: Annotated[str, Field(description="Product behind the port.")] = "tmf"
    auth: Annotated[Auth | None, Field(description="Credentials towards the system.")] = None
    options: Annotated[
        dict[str, Any], Field(description="What a driver of its own kind needs to know; see the driver's options.")
    ] = {}
    profile: Annotated[
        dict[str, Any], Field(description="How an installation of the TM Forum standard deviates from it.")
    ] = {}
    customer_key: Annotated[
        str,
        Field(
            pattern=CUSTOMER_KEY,
            description="What this system knows customers by: customer.id (the CRM's number), party.id (the person or"
            " company behind the customer), or external:NAME (a reference of that name kept on the CRM's record).",
        ),
    ] = "customer.id"
    references: Annotated[
        dict[Entity, Annotated[str, Field(pattern=REFERENCE)]],
        Field(
            description="How this system writes ids of other systems' records, with {id} for the id, such as service ="
            " 'urn:service:{id}'. Without one it is the id as it is."
        ),
    ] = {}
    concurrency: Annotated[int, Field(ge=1, description="Most calls under way at once.")] = 16
    share: Annotated[bool, Field(description="Requests that ask the same at the same time share a call.")] = True
    share_after: Annotated[
        int, Field(ge=1, description="Calls of one kind under way from which on further keys gather for the next.")
    ] = 2
    share_keys: Annotated[int, Field(ge=1, description="Most keys that gather for one call.")] = 200
    connect_timeout: Annotated[float, Field(gt=0, description="Seconds to reach the system.")] = 1.0
    timeout: Annotated[float, Field(gt=0, description="Seconds for one whole call.")] = 3.0
    reads_after: Annotated[
        float,
        Field(ge=0, le=60, description="Seconds after which the system shows what was written to it, at the latest."),
    ] = 0.0
    max_bytes: Annotated[int, Field(ge=1024, description="Largest answer that is read.")] = 32 * 1024 * 1024
    max_file_bytes: Annotated[int, Field(ge=1, description="Largest document that is passed on.")] = 100 * 1024 * 1024
    file_timeout: Annotated[float, Field(gt=0, description="Seconds for one whole document.")] = 120.0
    max_rows: Annotated[int, Field(ge=1, description="Most rows read for one question, over all its pages.")] = 20_000
    max_calls: Annotated[int, Field(ge=1, description="Most calls for one question.")] = 200
