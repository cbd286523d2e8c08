"""Options of the openwisp-radius driver."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from connectors.reading.dates import TimeZone
from connectors.strict import Strict
from connectors.texts import matching

Name = Annotated[str, matching(r".+", "a name, and not empty")]

OCTETS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
"""Octets in each unit of data."""


class PlanAllowance(Strict):
    """What a plan allows of one thing in one period."""

    of: Annotated[
        Literal["data", "time"], Field(description="What is counted: octets both ways, or seconds that sessions last.")
    ] = "data"
    per: Annotated[
        Literal["cycle", "day"], Field(description="When it begins anew: with the billing cycle, or at midnight.")
    ] = "cycle"
    limit: Annotated[
        Decimal | None,
        Field(gt=0, description="How much is allowed: data in the option unit, time in seconds. Left out: no limit."),
    ] = None
    name: Annotated[
        Name | None,
        Field(description="What customers read, before the user name; by default such as 'Data per billing cycle'."),
    ] = None

    @property
    def title(self) -> str:
        """What customers read of it."""
        what = "Data" if self.of == "data" else "Time online"
        return self.name or f"{what} per {'billing cycle' if self.per == 'cycle' else 'day'}"


UNLIMITED: Final = (PlanAllowance(),)
"""What is shown of a plan that the options do not name: data of the billing cycle, and no limit."""


class OpenwispOptions(Strict):
    """How an installation of openwisp-radius is used: whose its users are, the billing cycle, and what plans allow.

    The system's url is without /api/v1, its auth the token of a manager of the organization.
    """

    customer: Annotated[
        Literal["last_name", "first_name", "email", "phone_number", "username"],
        Field(
            description="What of a user holds the customer number. With username a customer has the one user of that"
            " name; with any other the list of all users is read, 100 a call, because it cannot be filtered."
        ),
    ] = "last_name"
    users_kept: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="Seconds for which the list of users is kept, and after which a new or moved user is seen; 0"
            " reads it for each question. It is never kept where callers' own tokens are shown.",
        ),
    ] = 60.0
    cycle_day: Annotated[
        int, Field(ge=1, le=31, description="Day of the month on which a billing cycle begins; the last one, if later.")
    ] = 1
    timezone: Annotated[TimeZone, Field(description="Where a day and a billing cycle begin at midnight.")] = "UTC"
    straddling: Annotated[
        Literal["whole", "by_time"],
        Field(
            description="How much data of a session counts that began before the period: whole, as openwisp-radius"
            " itself counts it, or its share by time, which is an estimate: how much came when is not kept."
        ),
    ] = "whole"
    unit: Annotated[Literal["MB", "GB", "TB"], Field(description="Unit of data; a GB is 10^9 octets.")] = "GB"
    plans: Annotated[
        dict[Name, tuple[PlanAllowance, ...]],
        Field(
            description="What each plan allows, by the name of its group, which begins with the organization's slug:"
            " openwisp-radius tells limits to users only. Of other plans the data of the billing cycle is shown."
        ),
    ] = {}
    page_size: Annotated[int, Field(ge=2, le=100, description="Sessions of a user that are read in one call.")] = 100

    @field_validator("plans")
    @classmethod
    def _names_each_once(cls, plans: dict[str, tuple[PlanAllowance, ...]]) -> dict[str, tuple[PlanAllowance, ...]]:
        for name, allowances in plans.items():
            if len({(one.of, one.per) for one in allowances}) < len(allowances):
                raise ValueError(f"{name!r} has two allowances of the same thing in the same period")
        return plans
