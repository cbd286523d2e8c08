"""Options of the Tryton driver."""

from typing import Annotated

from pydantic import Field

from connectors.reading.dates import TimeZone
from connectors.strict import Strict
from connectors.texts import matching


class TrytonOptions(Strict):
    """The setup of a Tryton installation. The defaults fit a new database named `billing`."""

    database: Annotated[
        str,
        matching(r"(?!\.{1,2}$)[A-Za-z0-9_.-]+", "the name of a database: letters, digits, _ . and -, such as billing"),
        Field(description="Name of the database: first part of every path."),
    ] = "billing"
    currency: Annotated[
        str | None,
        matching(r"[A-Z]{3}", 'the code of a currency in three capital letters, such as "EUR"'),
        Field(
            description="ISO 4217 code of the company's currency, in which balances are; read from Tryton by default.",
        ),
    ] = None
    payment_journal: Annotated[
        int | str | None,
        Field(
            description="Payment journal that bills are paid through: its name or id, of the bill's company and in its"
            " currency. Without it no bill is paid."
        ),
    ] = None
    timezone: Annotated[TimeZone, Field(description="Time zone of the company's dates (IANA name).")] = "UTC"
    max_url: Annotated[
        int, Field(ge=500, description="Longest path and query of a request, in bytes; gunicorn refuses 4,094.")
    ] = 4000
    page_size: Annotated[
        int,
        Field(
            ge=1, le=1_000_000, description="Rows asked for in one call; a row with its lines takes some milliseconds."
        ),
    ] = 500
