"""Usage by openwisp-radius 1.3: sums of RADIUS sessions, per user and billing cycle. Tested with 1.3.3.

A user is a service that is signed in for; the customer number stands in an attribute of the user.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Final

from connectors.errors import ConnectorError, Garbled
from connectors.http.client import HttpClient
from connectors.reading.dates import Dates, time_zone
from connectors.reading.rows import RowPage
from connectors.reading.warn_once import WarnOnce
from connectors.records import Found, Rows, owned_by
from connectors.usage.openwisp.client import Rest
from connectors.usage.openwisp.cycle import cycle_at, day_at
from connectors.usage.openwisp.options import OCTETS, UNLIMITED, OpenwispOptions, PlanAllowance
from connectors.usage.openwisp.sessions import Period, Session, SessionRow, Sessions, octets_in, seconds_in
from connectors.usage.openwisp.users import Users
from connectors.usage.port import UsageAllowance

Periods = Mapping[str, Period]
"""The billing cycle and the day, by what `PlanAllowance.per` calls them."""

_NO_LIMITS: Final = "openwisp-radius tells limits to users only, and the option plans names none."


class OpenwispUsage:
    """The usage port over openwisp-radius 1.3. `now`: for tests.

    Calls: one per user of the customers, three or more for one with more sessions than a page holds; and one per 100
    users of all customers, unless the list of users was read less than `users_kept` seconds ago.
    """

    one_by_one: ClassVar[Mapping[str, str]] = {
        "usage_of_customers": "openwisp-radius gives the sessions of one user per call."
    }

    def __init__(
        self, http: HttpClient, options: OpenwispOptions, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.http, self._options, self._now = http, options, now
        self._warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._zone = time_zone(options.timezone)
        self._sessions = Sessions(Dates(options.timezone, self._warn_once))
        self._rest = Rest(http, self._sessions, options.customer, options.page_size)
        self._users = Users(http, self._rest, options)
        has_limits = any(one.limit is not None for plan in options.plans.values() for one in plan)
        self.unsupported: Mapping[str, str] = {} if has_limits else {"UsageAllowance.remaining": _NO_LIMITS}

    async def probe(self) -> None:
        """Check that the token is a manager's, who may read sessions and users. Raises `ConnectorError`."""
        await self._rest.first_session()
        if self._options.customer != "username":
            await self._rest.first_user()

    async def usage_of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """A customer's failure is that of any of its users: a part of what was used is no answer."""
        users = await self._users.of(customer_ids)
        names = list(dict.fromkeys(name for of in users.names.values() for name in of))
        now = self._now()
        periods = {"cycle": cycle_at(now, self._options.cycle_day, self._zone), "day": day_at(now, self._zone)}
        since = periods["cycle"].start
        answers = await self.http.for_each(names, lambda name: self._rest.sessions(name, since))
        pages = dict(zip(names, answers, strict=True))
        found: dict[str, Rows[UsageAllowance] | ConnectorError] = {}
        for customer in dict.fromkeys(customer_ids):
            of = users.names.get(customer, ())
            if of or users.unread:
                found[customer] = self._rows(customer, {name: pages[name] for name in of}, users.unread, periods)
        return {
            key: rows for key, rows in found.items() if isinstance(rows, ConnectorError) or rows.items or rows.unread
        }

    def _rows(
        self, customer: str, pages: Mapping[str, RowPage[SessionRow] | ConnectorError], unread: int, periods: Periods
    ) -> Rows[UsageAllowance] | ConnectorError:
        items: list[UsageAllowance] = []
        for name, page in pages.items():
            if isinstance(page, ConnectorError):
                return page
            if self._options.customer == "username" and not page.entries:
                continue  # nobody knows whether there is such a user
            plan = self._plan(page.rows)
            sessions = self._read(page, periods["cycle"].start)
            if sessions is None:
                unread += len(plan)
            else:
                items += [self._allowance(customer, name, one, sessions, periods[one.per]) for one in plan]
        if unread and not items:
            return Garbled(self.http.name, "what a customer has used cannot be read: see the log")
        return Rows(items, 0, None if unread else len(items), complete=True, unread=unread)

    def _plan(self, rows: Iterable[SessionRow]) -> Sequence[PlanAllowance]:
        name = self._sessions.newest_plan(rows)
        if name and self._options.plans and name not in self._options.plans:
            self._warn_once(f"has the plan {name!r}, which the option plans does not name: it is shown without a limit")
        return self._options.plans.get(name or "", UNLIMITED)

    def _read(self, page: RowPage[SessionRow], since: datetime) -> Sequence[Session] | None:
        """The sessions of the billing cycle; None if any that may count cannot be read: then there is no sum."""
        read = [self._sessions.session(row) for row in page.rows if not self._sessions.has_ended_by(row, since)]
        whole = [one for one in read if one is not None]
        if len(whole) < len(read):
            self._warn_once("has a session with times or octets that cannot be read: its user's usage is not known")
        return whole if len(whole) == len(read) and not page.unreadable else None

    def _allowance(
        self, customer: str, name: str, plan: PlanAllowance, sessions: Sequence[Session], period: Period
    ) -> UsageAllowance:
        options = self._options
        if plan.of == "data":
            used = Decimal(octets_in(sessions, period, options.straddling)) / OCTETS[options.unit]
        else:
            used = Decimal(seconds_in(sessions, period))
        return UsageAllowance(
            id=f"{name}/{plan.of}-{plan.per}",
            owners=owned_by(customer),
            name=f"{plan.title}, {name}",
            usage_type=plan.of,
            used=used,
            # Below zero where more was used than is allowed: used + remaining is what is allowed.
            remaining=None if plan.limit is None else plan.limit - used,
            unit=options.unit if plan.of == "data" else "s",
            resets_at=period.end,
        )
