"""What an installation of the TM Forum standard can and cannot do (FACTS.md, sections 7 and 8).

A driver is written against the standard; a profile says how this installation deviates. Every deviation is a
setting with a tested default, and the defaults are those of a server that keeps TMF630.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Settings that name what they do not know instead of ignoring it, and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
"""The resources that the drivers ask for."""

Path = Annotated[str, Field(pattern=r"^/[^?#\s]*[^/?#\s]$")]


class Profile(Strict):
    """How one system speaks TM Forum's APIs."""

    version: Annotated[
        Literal["v4", "v5"], Field(description="Version of TM Forum's APIs: paths, filters and shape of the answers.")
    ] = "v4"
    paths: Annotated[
        dict[Resource, Path],
        Field(description="Path of a resource where it is not the standard's, e.g. customerBill = '/bills/v1/bill'."),
    ] = {}
    id_list: Annotated[
        Literal["comma", "repeat", "semicolon", "none"],
        Field(description="How many values of one filter are written; 'none' asks for one value per call."),
    ] = "comma"
    max_keys: Annotated[int, Field(ge=1, description="Most values in one filter.")] = 1000
    max_url: Annotated[int, Field(ge=500, description="Longest path and query of a request, in bytes.")] = 7500
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
    parameters: Annotated[
        dict[str, str],
        Field(description="Filter names that differ here, e.g. 'relatedParty.id' = 'customer'."),
    ] = {}
    paging: Annotated[
        Literal["offset", "page", "none"],
        Field(description="Whether offset counts rows, counts pages, or does not exist."),
    ] = "offset"
    page_size: Annotated[int, Field(ge=1, description="Rows asked for in one call; the system may send fewer.")] = 1000
    total_trusted: Annotated[bool, Field(description="Whether X-Total-Count counts the matches, not everything.")] = (
        True
    )
    empty_is_404: Annotated[bool, Field(description="Whether an empty list is answered with 404.")] = False
    fields: Annotated[bool, Field(description="Whether fields= is understood.")] = True
    sort: Annotated[bool, Field(description="Whether sort= is understood.")] = True
    regex: Annotated[bool, Field(description="Whether the .regex operator is understood (else names match whole).")] = (
        True
    )
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
    service_parts: Annotated[
        Literal["value", "reference", "flat"],
        Field(
            description="Where a service's resources stand: in supporting services given by value, in supporting"
            " services that are only referred to, or on the service itself."
        ),
    ] = "value"
    timezone: Annotated[str, Field(description="Zone of dates that come without one (IANA name).")] = "UTC"

    def path(self, standard: str) -> str:
        """This installation's path of the resource that the standard has at `standard`."""
        resource = standard.rpartition("/")[2]
        return next((path for name, path in self.paths.items() if name == resource), standard)

    def parameter(self, name: str) -> str:
        """This installation's name for the standard's filter `name`."""
        return self.parameters.get(name, name)
