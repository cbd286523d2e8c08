"""What an installation of the TM Forum standard can and cannot do.

A driver is written against the standard; a profile says how one installation deviates. Every deviation is a setting
whose default fits a server that implements TMF630. `docs/profiles.md` explains them to operators.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator, model_validator

from connectors.reading.dates import NO_DATE, TimeZone
from connectors.texts import IF_ANY_HEADER_NAME, ResourcePath
from connectors.tmf.named_profiles import PROFILES, laid_over
from connectors.tmf.resource_profile import ResourceProfile
from connectors.tmf.shapes import folded

PARTY_TYPES: Final = ("Individual", "Organization", "Party")
"""@referredType of parties whose id is a TMF632 party's."""

Resource = Literal[
    "customer",
    "individual",
    "product",
    "billingAccount",
    "customerBill",
    "appliedCustomerBillingRate",
    "payment",
    "queryUsageConsumption",
    "usageConsumptionReport",
    "service",
    "resource",
    "geographicSite",
    "troubleTicket",
    "serviceProblem",
]
"""The resources that the drivers read."""


class Profile(ResourceProfile):
    """How one installation of TM Forum's APIs deviates from the standard.

    `name` selects a set of values from `connectors.tmf.named_profiles`; keys given beside it override that set for all
    resources. Keys under `resources` override those for all resources. Nested tables are merged.
    """

    section: ClassVar[str] = "profile"

    name: Annotated[str | None, Field(description="A named profile to begin with; see docs/profiles.md.")] = None
    version: Annotated[
        Literal["v4", "v5"], Field(description="Version of TM Forum's APIs: paths, filters and shape of the answers.")
    ] = "v4"
    paths: Annotated[
        dict[Resource, ResourcePath],
        Field(description="Path of a resource where it is not the standard's, e.g. customerBill = '/bills/v1/bill'."),
    ] = {}
    resources: Annotated[
        dict[Resource, ResourceProfile],
        Field(description="Keys that are different for one resource, e.g. product = { page_size = 20 }."),
    ] = {}
    party_roles: Annotated[
        tuple[str, ...],
        Field(
            description="Roles (any case) that make a related party the owner; where there is none, the type counts."
        ),
    ] = ("customer",)
    party_types: Annotated[
        tuple[str, ...],
        Field(
            description="@referredType (any case) of parties whose id is a customer number. Of any other type it is an"
            " id of something else (a person, a company) that may look the same."
        ),
    ] = ("Customer",)
    party_type_is_role: Annotated[
        bool,
        Field(
            description="Whether @referredType of related parties holds their role (such as 'customer'), so that it"
            " does not say what their ids are ids of."
        ),
    ] = False
    status_filter: Annotated[
        bool,
        Field(
            description="Whether status words are the standard's, so that they can be filtered on. A resource that is"
            " seen to have others is no longer asked so, whatever this says."
        ),
    ] = True
    words: Annotated[
        dict[str, str],
        Field(description="Status words of this system, in the standard's, e.g. 'Working' = 'inProgress'."),
    ] = {}
    public_note_types: Annotated[
        tuple[str, ...],
        Field(description="@type (any case) of notes that customers may read; a note of any other is internal."),
    ] = ("Note", "comments")
    untyped_notes_public: Annotated[
        bool,
        Field(
            description="Whether customers may read notes without @type. TMF621 has no field that says for whom a note"
            " is, so a system that keeps to it can only mean everybody."
        ),
    ] = True
    bills_name_customers: Annotated[
        bool,
        Field(
            description="Whether every bill names the customer of its account, so that the bills of an account are also"
            " found by its customer: they are then asked for beside the accounts, and not after them. Where some name"
            " nobody, or somebody else, this loses them."
        ),
    ] = False
    service_parts: Annotated[
        Literal["value", "reference", "flat"],
        Field(
            description="Where a service's resources stand: in supporting services given by value, in supporting"
            " services that are only referred to, or on the service itself."
        ),
    ] = "value"
    timezone: Annotated[TimeZone, Field(description="Zone of days, and of dates without a zone (IANA name).")] = "UTC"
    no_date_years: Annotated[
        tuple[int, ...],
        Field(description="Years of dates that mean no date, such as 0001-01-01 or 9999-12-31: they are null."),
    ] = NO_DATE
    ticket_severity: Annotated[
        str, Field(min_length=1, description="Severity of a ticket that is opened without one.")
    ] = "Minor"
    ticket_type: Annotated[
        str, Field(min_length=1, description="ticketType of a ticket that is opened without a kind.")
    ] = "fault"
    internal_note_type: Annotated[
        str, Field(min_length=1, description="@type that an internal note is written with; none of public_note_types.")
    ] = "InternalNote"
    note_patch: Annotated[
        Literal["merge", "append"],
        Field(
            description="What a PATCH does with note: it replaces all notes, so that they are read and written with the"
            " new one among them (merge), or it adds to them (append)."
        ),
    ] = "merge"
    assignee_role: Annotated[
        str, Field(min_length=1, description="Role of the related party to whom a ticket is assigned.")
    ] = "assignee"
    payment_method: Annotated[
        dict[str, str],
        Field(
            description="The paymentMethod of a payment that comes without a token, e.g. { id = 'PM-PORTAL' }; without"
            " it such a payment is refused."
        ),
    ] = {}
    patch_type: Annotated[
        Literal["application/json", "application/merge-patch+json"] | None,
        Field(
            description="Content-Type of a PATCH. Default: application/json in v4, application/merge-patch+json in v5."
        ),
    ] = None
    key_header: Annotated[
        str | None,
        IF_ANY_HEADER_NAME,
        Field(
            description="Header in which each write carries its key, where the system knows one: 'Idempotency-Key'.",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _begin_with_the_named(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            return given
        return laid_over(PROFILES.get(given["name"], {}), given)

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in PROFILES:
            raise ValueError(f"there is no profile named '{name}'; there are: {', '.join(PROFILES)}")
        return name

    @model_validator(mode="after")
    def _keeps_apart_what_is_written(self) -> "Profile":
        if folded(self.internal_note_type) in map(folded, self.public_note_types):
            raise ValueError(f"internal_note_type = '{self.internal_note_type}' is among the public_note_types")
        if folded(self.assignee_role) in map(folded, self.party_roles):
            raise ValueError(
                f"assignee_role = '{self.assignee_role}' is among the party_roles: it would own the ticket"
            )
        return self

    def for_resource(self, standard: str) -> "Profile":
        """The profile for the resource whose standard path is `standard`: keys of that resource override the others."""
        resource = standard.rpartition("/")[2]
        own = next((profile for name, profile in self.resources.items() if name == resource), None)
        if own is None:
            return self
        changes = {name: getattr(own, name) for name in own.model_fields_set}
        return self.model_copy(update=changes | {"parameters": self.parameters | own.parameters})

    def path(self, standard: str) -> str:
        """This installation's path of the resource whose standard path is `standard`."""
        resource = standard.rpartition("/")[2]
        return next((path for name, path in self.paths.items() if name == resource), standard)
