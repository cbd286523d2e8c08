"""What an installation of the TM Forum standard can and cannot do.

A driver is written against the standard; a profile says how one installation deviates. Every deviation is a setting
whose default fits a server that implements TMF630. `docs/profiles.md` explains them to operators.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, field_validator, model_validator

from connectors.reading.dates import NO_DATE, TimeZone
from connectors.strict import Strict
from connectors.texts import IF_ANY_HEADER_NAME, ResourcePath, matching
from connectors.tmf.named_profiles import PROFILES
from connectors.tmf.places import PLACE
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


class ResourceProfile(Strict):
    """How requests for one resource are written and its answers read. `Profile` holds the values for all resources."""

    id_list: Annotated[
        Literal["comma", "repeat", "semicolon", "none"],
        Field(description="How many values of one filter are written; 'none' asks for one value per call."),
    ] = "comma"
    max_keys: Annotated[int, Field(ge=1, description="Most values in one filter.")] = 1000
    max_url: Annotated[int, Field(ge=500, description="Longest path and query of a request, in bytes.")] = 7500
    filters: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(
            description="The filters that are understood, by the standard's names, e.g. ['id', 'status']. Under any"
            " other nothing is asked: it is NOT_SUPPORTED, see also read_everything."
        ),
    ] = "all"
    read_everything: Annotated[
        bool,
        Field(
            description="Whether to read all rows, everybody's, within max_rows and max_calls, and to sort them out"
            " here, where the filter that would be needed is not understood."
        ),
    ] = False
    parameters: Annotated[
        dict[str, str],
        Field(description="Filter names that differ here, e.g. 'relatedParty.id' = 'customer'."),
    ] = {}
    quoted: Annotated[
        bool, Field(description="Whether values that look like numbers are put in quotes, so that they stay text.")
    ] = False
    operators: Annotated[
        bool, Field(description="Whether .gt, .gte, .lt and .lte are understood; if not, dates are compared here.")
    ] = True
    regex: Annotated[
        bool,
        Field(
            description="Whether the .regex operator is understood. If not, searching by a part of a name is"
            " NOT_SUPPORTED, see read_everything."
        ),
    ] = True
    fields: Annotated[bool, Field(description="Whether fields= is understood.")] = True
    sort: Annotated[bool, Field(description="Whether sort= is understood.")] = True
    paging: Annotated[
        Literal["offset", "page", "none"],
        Field(description="Whether offset counts rows, counts pages, or does not exist."),
    ] = "offset"
    page_size: Annotated[
        int, Field(ge=1, le=1_000_000, description="Rows asked for in one call; the system may send fewer.")
    ] = 1000
    total_trusted: Annotated[bool, Field(description="Whether X-Total-Count counts the matches, not everything.")] = (
        True
    )
    empty_is_404: Annotated[bool, Field(description="Whether an empty list is answered with 404.")] = False
    absent: Annotated[
        tuple[str, ...],
        Field(description="Attributes, by the standard's names, that never come with a value: NOT_SUPPORTED."),
    ] = ()
    kept_in: Annotated[
        dict[
            str,
            Annotated[str, matching(PLACE, "names joined by dots, such as resourceCharacteristic[SN] or place.name")],
        ],
        Field(
            description="Where attributes stand that are not where the standard has them, by its names, e.g."
            " serialNumber = 'resourceCharacteristic[SN]', category = 'resourceSpecification.name'. They are filtered"
            " by only under a name of parameters."
        ),
    ] = {}
    read_only: Annotated[
        bool, Field(description="Whether nothing can be created or changed: such writes are NOT_SUPPORTED.")
    ] = False
    exists: Annotated[
        bool,
        Field(description="Whether the installation has the API at all; if not, it is NOT_SUPPORTED without a call."),
    ] = True

    @field_validator("kept_in")
    @classmethod
    def _keeps_what_identifies(cls, kept_in: dict[str, str]) -> dict[str, str]:
        if wrong := sorted({"id", "relatedParty"} & set(kept_in)):
            raise ValueError(f"{' and '.join(wrong)} cannot be elsewhere: they say which row it is, and whose")
        return kept_in


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
        return _over(PROFILES.get(given["name"], {}), given)

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

    def parameter(self, name: str) -> str:
        """This installation's name for the standard's filter `name`."""
        return self.parameters.get(name, name)

    def understands(self, condition: str) -> bool:
        """Whether a condition can be asked: an attribute by its standard name, with or without an operator."""
        attribute, _, operator = condition.rpartition(".")
        if operator not in _OPERATORS:
            attribute, operator = condition, ""
        if self.filters != "all" and attribute not in self.filters:
            return False
        if attribute.partition(".")[0] in self.kept_in and attribute not in self.parameters:
            return False  # the system has no such attribute under this name
        return not operator or (self.regex if operator == "regex" else self.operators)


_OPERATORS: Final = frozenset({"gt", "gte", "lt", "lte", "eq", "regex"})
"""Operators of TMF630: suffixes of a filter's name, such as `creationDate.gte`."""


def _over(named: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The named profile, overridden by the given keys.

    A key that is given for all resources also overrides the named profile's values for single resources.
    """
    plain = {key for key in given if key not in ("resources", "parameters")}
    renamed = given.get("parameters")
    resources = {}
    for resource, keys in named.get("resources", {}).items():
        resources[resource] = {key: value for key, value in keys.items() if key not in plain}
        if "parameters" in keys and isinstance(renamed, Mapping):
            resources[resource]["parameters"] = {k: v for k, v in keys["parameters"].items() if k not in renamed}
    return _laid({**named, "resources": resources}, given)


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The two tables merged, nested tables too; values of `above` win."""
    found = {**below, **above}
    for key, value in above.items():
        under = below.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            found[key] = _laid(under, value)
    return found
