"""How requests for one resource of a TM Forum installation are written, and its answers read."""

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from connectors.strict import Strict
from connectors.texts import matching
from connectors.tmf.places import PLACE

_OPERATORS: Final = frozenset({"gt", "gte", "lt", "lte", "eq", "regex"})
"""Operators of TMF630: suffixes of a filter's name, such as `creationDate.gte`."""


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
