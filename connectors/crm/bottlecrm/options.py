"""Options of the BottleCRM driver."""

from typing import Annotated

from pydantic import Field

from connectors.strict import Strict
from connectors.texts import matching


class BottleCrmOptions(Strict):
    """The setup of a BottleCRM organisation. The system's url is without /api, its auth a personal access token."""

    customer_number: Annotated[
        str,
        matching(r"[A-Za-z0-9_]+", "the key of a custom field: letters, digits and _, such as customer_number"),
        Field(
            description="Key of the accounts' custom field with the customer number. It must be a text field, because"
            " numbers cannot be filtered. An account without it is not a customer.",
        ),
    ] = "customer_number"
    segment: Annotated[
        str, Field(description="Key of the custom field with the customer's segment, such as consumer or business.")
    ] = "segment"
    organization_segments: Annotated[
        tuple[str, ...],
        Field(description="Segments (any letter case) of companies; all others are of persons."),
    ] = ("business",)
    name_with_number: Annotated[
        bool,
        Field(
            description="Whether to remove ' (customer number)' from the end of names. Such suffixes make account names"
            " unique, as BottleCRM requires."
        ),
    ] = True
    list_share: Annotated[
        int,
        Field(
            ge=0,
            description="Number of accounts in a list that cost as much as one read by its number. If the whole list"
            " costs less than a batch's single reads, the list is read; 0 never reads it.",
        ),
    ] = 8
    page_size: Annotated[
        int, Field(ge=1, le=1000, description="Accounts requested in one call, at 10 to 25 ms each.")
    ] = 100
    max_url: Annotated[
        int, Field(ge=500, description="Longest path and query of a request, in bytes; gunicorn refuses 4,094.")
    ] = 4000
