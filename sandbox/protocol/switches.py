"""Switches that make a system deviate as real installations do. They can be changed while the server runs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from sandbox.data import shapes
from sandbox.protocol.customer_keys import CustomerKeys, CustomersAs
from sandbox.protocol.systems import REPORT, RESOURCES

Limit = Annotated[int, Field(ge=1)]
"""Rows in an answer."""


Path = Annotated[str, Field(pattern=r"^(/[^/?#\s]+)+$")]
"""Where a resource is, without a slash at the end."""
_NAMES = sorted({resource.name for resource in (*RESOURCES, REPORT)} | {shapes.USAGE.rpartition("/")[2]})


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", validate_assignment=True)


class Auth(_Model):
    """The credentials a caller must show; without them 401."""

    kind: Literal["none", "bearer", "basic", "apiKey", "oauth2"] = "none"
    token: str = ""
    """For bearer: the token. For apiKey: the key."""
    header: str = "X-API-Key"
    """For apiKey: the request header that carries the key."""
    username: str = ""
    password: str = ""
    client_id: str = ""
    """For oauth2: who may get a token at ``POST /_sandbox/oauth/token`` (client credentials)."""
    client_secret: str = ""
    expires_in: float = Field(default=3600, gt=0)
    """For oauth2: seconds that a token is good for."""


class Switches(_Model):
    """All switches of one system; the defaults are a well-behaved TMF630 server.

    In JSON the names are in camelCase. Assignment is checked: a bad value raises ValidationError.
    """

    latency_ms: float = Field(default=0, ge=0)
    """Every answer waits this long."""
    jitter_ms: float = Field(default=0, ge=0)
    """... and up to this much longer, at random."""
    error_rate: float = Field(default=0, ge=0, le=1)
    """The share of requests answered with `errorStatus`; 1 is all of them."""
    error_status: Literal[500, 503, 429] = 500
    """503 and 429 come with ``Retry-After: 1``."""
    hang: bool = False
    """No answer ever; the connection stays open."""
    hang_rate: float = Field(default=0, ge=0, le=1)
    """The share of requests that hang so, by chance."""
    endless: bool = False
    """200 with a list whose rows never end."""
    garbage: bool = False
    """200 with a body that is not JSON although it says so."""
    html: bool = False
    """200 with an HTML login page."""
    close_early: bool = False
    """The connection is cut in the middle of the body."""
    drop_connections: int = Field(default=0, ge=0)
    """The next so many requests find their connection closed without an answer; counts down."""
    not_found_when_empty: bool = False
    """A list without rows is a 404."""
    unfiltered_total: bool = False
    """X-Total-Count counts all rows, whatever was asked for."""
    no_total: bool = False
    """No X-Total-Count and no Content-Range total."""
    ignore_filters: bool = False
    """Answers as if only paging, sorting and fields had been given: everybody's rows."""
    ignore_parameters: list[str] = Field(default_factory=list)
    """Names of query parameters that are silently dropped, such as ``relatedParty.id`` or ``sort``."""
    no_id_lists: bool = False
    """A comma list is taken as one value."""
    no_sort: bool = False
    """sort= is ignored."""
    no_fields: bool = False
    """fields= is ignored."""
    default_limit: int = Field(default=100, ge=1)
    """Rows in an answer if the caller names no limit."""
    max_limit: int = Field(default=2000, ge=1)
    """Most rows in an answer, whatever the caller asks for."""
    refused_limit: int = Field(default=0, ge=0)
    """A limit above this is a 422 with a sentence; 0: none is."""
    offset_is_page: bool = False
    """offset=2 is the third page, not the third row."""
    no_paging: bool = False
    """offset and limit are ignored: always everything."""
    duplicate_rows: bool = False
    """The first row of a page comes a second time at its end."""
    shuffle: bool = False
    """Rows of a page come in no order."""
    wrap_list: bool = False
    """A list is wrapped in an object under the resource's name."""
    numeric_ids: bool = False
    """Ids that are all digits are JSON numbers."""
    status_words: bool = False
    """Vendor words for status, state and severity, such as "Working" and "3 - Moderate"."""
    dates: Literal["iso", "plain", "noZone", "lowerCase", "epoch", "epochMilliseconds"] = "iso"
    """plain: 2026-05-16 23:38:55. noZone: 2026-05-16T23:38:55. lowerCase: 2026-05-16t23:38:55z. The last two are JSON
    numbers."""
    low_total: int = Field(default=0, ge=0)
    """X-Total-Count and Content-Range say that there are at most so many rows; 0: the truth."""
    high_total: int = Field(default=0, ge=0)
    """They say that there are at least so many rows; 0: the truth."""
    odd: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Values that rows have instead, by the row's id (``*``: all rows) and the attribute:
    ``{"*": {"name": 5}, "TT-1001-1": {"relatedParty": "?"}}``."""
    broken_texts: list[str] = Field(default_factory=list)
    """Ids of rows that have the attribute ``comment``, a text with half of a surrogate pair, which is no JSON."""
    party_words: dict[str, str] = Field(default_factory=dict)
    """Roles and types of related parties that are called otherwise: ``{"customer": "subscriber"}``."""
    usage_state: str = ""
    """The state of every part of a usage task; empty: done, and not said."""
    party_role_in_referred_type: bool = False
    """The role of a related party is in @referredType and nowhere else; one entry has an empty id."""
    notes_append: bool = False
    """PATCH note[] adds to the notes instead of replacing them."""
    supporting_service_by_reference: bool = False
    """supportingService holds id, href and name only, and cannot be filtered through."""
    absolute_urls: bool = False
    """Documents' and attachments' url has scheme, host and port in front."""
    hub_path: Literal["callback", "listener"] = "callback"
    """Events are posted to the callback itself, or to ``{callback}/listener/{eventName}``."""
    hub_ignores_query: bool = False
    """Every event of the API goes to every listener, whatever the query of its registration."""
    hub_refuses_known: bool = False
    """A registration with the callback and query of another one is a 409."""
    hub_forgets: bool = False
    """Registrations are lost when the system stops, and numbered from 1 again."""
    hub_duplicates: bool = False
    """Every event is posted twice, with the same eventId."""
    hub_notifications: bool = False
    """Events are called ...CreationNotification and ...RemoveNotification instead of ...CreateEvent, ...DeleteEvent."""
    hub_two_events: bool = False
    """A PATCH that changes the status sends an AttributeValueChangeEvent, too, whatever else it changes."""
    hub_lies: bool = False
    """Events say that the row is customer 1002's, and closed."""
    version: Literal["v4", "v5"] = "v4"
    """Paths and shapes of the answers; where TM Forum has no v5 file (payments, sites) it stays v4."""
    customers_as: CustomersAs = "number"
    """What rows call customers: the CRM's number, the party behind it, or its characteristic ``billingNumber``."""
    reference: Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")] = "B-{}"
    """For customersAs reference: what stands around the number."""
    reference_shift: int = 0
    """... and how far that number is from the CRM's: 199000 makes 200001 of 1001."""
    paths: dict[str, Path] = Field(default_factory=dict)
    """Where this installation has a resource instead, by its name: ``{"troubleTicket": "/api/ticket"}``."""
    read_only: list[str] = Field(default_factory=list)
    """Resources that cannot be created or changed (405)."""
    parties_by_value: bool = False
    """v5 customers, individuals, organizations and products hold their related parties instead of references."""
    resource_limits: dict[str, tuple[Limit, Limit]] = Field(default_factory=dict)
    """`defaultLimit` and `maxLimit` of a resource that has its own: ``{"product": [20, 100]}``."""
    only_filters: dict[str, list[str]] = Field(default_factory=dict)
    """The filters that a resource understands, as callers write them: ``{"troubleTicket": ["id", "status"]}``."""
    filter_names: dict[str, dict[str, str]] = Field(default_factory=dict)
    """What a resource calls a filter instead: ``{"product": {"customer": "relatedParty.id"}}`` (v4 path)."""
    unknown_filters: Literal["ignored", "refused"] = "ignored"
    """What becomes of a filter that is not understood; refused is a 400."""
    ignore_id_filter: list[str] = Field(default_factory=list)
    """Resources whose list passes over ``id=``: everybody's rows."""
    numeric_filters: bool = False
    """A value that looks like a number only equals numbers: id=42 misses "42", id="42" finds it."""
    no_operator_suffixes: bool = False
    """.gt, .regex and the like are taken as part of the attribute's path; > and < are understood."""
    no_mixed_operators: bool = False
    """Filters joined by & and by ; in one query are a 400."""
    drop_reserved_prefixes: bool = False
    """A parameter whose name starts with limit, fields, offset or sort is never a filter."""
    no_page_headers: bool = False
    """No X-Total-Count, X-Result-Count, Content-Range and Link, and 200 for a part of the list too."""
    bad_links: bool = False
    """Link has no filters, no first page and a stray quote in front."""
    no_product_price: bool = False
    """productPrice is always an empty array."""
    lose_answers: int = Field(default=0, ge=0)
    """The next so many writes that are done find their connection cut, without an answer; counts down."""
    late_ms: float = Field(default=0, ge=0)
    """What a write changed is seen so long after it was answered, or its answer was lost; until then all reads show
    what was there before."""
    refuse_writes: Literal[0, 400, 409, 412, 422] = 0
    """Every write is refused with this status and an error body, and changes nothing."""
    refusals_in_200: bool = False
    """A write that is refused is answered with 200 all the same, and the error body."""
    accept_writes: bool = False
    """A write is answered with 202 and the body of the resource; a payment has the status ``accepted``."""
    half_writes: bool = False
    """PATCH does not take the status (or state), and takes the rest: 200 with the row as it is then."""
    strict_writes: bool = False
    """Refuses what the official files call wrong: a PATCH of a content type that the version does not list, in v5 a
    body without @type, and a PATCH of a customer without engagedParty (v5: name, too)."""
    own_note_ids: bool = False
    """Notes get ids of the system's own, whatever ids they are written with."""
    drop_keys: bool = False
    """externalId (v5 externalIdentifier) and correlatorId are not kept."""
    auth: Auth = Field(default_factory=Auth)

    @field_validator("paths", "resource_limits", "only_filters", "filter_names", "ignore_id_filter", "read_only")
    @classmethod
    def _about_known_resources(cls, value: Any) -> Any:
        if unknown := [name for name in value if name not in _NAMES]:
            raise ValueError(f"{', '.join(unknown)}: no such resource; there are {', '.join(_NAMES)}")
        return value

    @property
    def customer_keys(self) -> CustomerKeys | None:
        """How rows call customers; None where it is by the CRM's number."""
        return CustomerKeys.of(self.customers_as, self.reference, self.reference_shift)

    def document(self) -> dict[str, Any]:
        """Return the switches as they stand in JSON."""
        return self.model_dump(by_alias=True)

    def merge(self, changes: Any) -> None:
        """Set the switches named in `changes` (camelCase), or none of them.

        Raises ValueError, with every bad key or value and what is allowed.
        """
        if not isinstance(changes, dict):
            raise ValueError("the body must be a JSON object of switches")  # noqa: TRY004  # one error for all bad bodies
        merged = self.document() | changes
        if isinstance(changes.get("auth"), dict):
            merged["auth"] = self.auth.model_dump(by_alias=True) | changes["auth"]
        try:
            new = Switches.model_validate(merged)
        except ValidationError as problem:
            raise ValueError("; ".join(map(_describe, problem.errors()))) from problem
        self._take(new)

    def reset(self) -> None:
        """Set every switch to its default."""
        self._take(Switches())

    def _take(self, new: "Switches") -> None:
        for name in type(self).model_fields:
            setattr(self, name, getattr(new, name))


def _describe(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        model = Auth if where.startswith("auth.") else Switches
        return f"{where}: no such switch; there are {', '.join(f.alias or n for n, f in model.model_fields.items())}"
    return f"{where}: {error['msg']}, not {error['input']!r}"
