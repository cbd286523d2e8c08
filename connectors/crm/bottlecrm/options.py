"""How an organisation in BottleCRM is set up."""

from typing import Annotated

from pydantic import Field

from connectors.strict import Strict


class BottleCrmOptions(Strict):
    """How a BottleCRM organisation is set up. The system's url is without /api, its auth a personal access token."""

    customer_number: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_]+$",
            description="Key of the accounts' custom field with the customer number. A text field, since the filter"
            " finds no numbers; an account without it is no customer.",
        ),
    ] = "customer_number"
    segment: Annotated[
        str, Field(description="Key of the custom field that says what kind of customer an account is.")
    ] = "segment"
    organization_segments: Annotated[
        tuple[str, ...],
        Field(description="Its values (any case) that mean a company; all others mean a person."),
    ] = ("business",)
    name_with_number: Annotated[
        bool,
        Field(
            description="Whether names may end in ' (customer number)', which is then left out: BottleCRM wants every"
            " account's name to be unique, people's are not."
        ),
    ] = True
    list_share: Annotated[
        int,
        Field(
            ge=0,
            description="Accounts in a list that cost as much as one asked for by its number. Where a batch is worth"
            " the whole list, the list is read, in one call or a few; 0 never does.",
        ),
    ] = 8
    page_size: Annotated[
        int, Field(ge=1, le=1000, description="Accounts asked for in one call, at 10 to 25 ms each.")
    ] = 100
    max_url: Annotated[
        int, Field(ge=500, description="Longest path and query of a request, in bytes; gunicorn refuses 4,094.")
    ] = 4000
