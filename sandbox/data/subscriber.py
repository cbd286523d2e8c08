"""The facts about a customer from which all rows are generated. They are cheap enough for 100,000 customers."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

from sandbox.data import names

Kind = Literal["broadband", "mobile", "tv", "voice"]
BillState = Literal["onHold", "sent", "partiallyPaid", "settled"]

FIRST_CUSTOMER: Final = 1001
EXAMPLE: Final = 1001
"""The subscriber of the contract: four services, two accounts, three tickets."""
SOMEBODY_ELSE: Final = 1002
"""The customer whose data the example subscriber must never see; shares a cabinet with them."""
CUSTOMERS_PER_CABINET: Final = 50

OPEN_TICKET_STATES: Final = ("acknowledged", "inProgress", "pending", "held")

_MIXES: Final[tuple[tuple[Kind, ...], ...]] = (
    ("broadband",),
    ("broadband", "mobile"),
    ("broadband", "mobile", "tv"),
    ("broadband", "mobile", "tv", "voice"),
    ("broadband", "tv"),
    ("broadband", "voice"),
    ("mobile",),
    ("broadband", "mobile"),
)
_PAID_TOGETHER: Final = {
    kinds: (
        tuple(i for i, kind in enumerate(kinds, 1) if kind == "mobile"),
        tuple(i for i, kind in enumerate(kinds, 1) if kind != "mobile"),
    )
    for kinds in _MIXES
}
"""Per mix, the numbers of the mobile services and of the others."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A product offering: what it is called and what it costs a month, tax included, in EUR."""

    id: str
    name: str
    price: Decimal
    gigabytes: int = 0


OFFERS: Final[dict[Kind, tuple[Offer, ...]]] = {
    "broadband": (
        Offer("OFFER-FIBRE-100", "Fibre 100", Decimal("34.90")),
        Offer("OFFER-FIBRE-500", "Fibre 500", Decimal("44.90")),
        Offer("OFFER-FIBRE-1000", "Fibre 1000", Decimal("54.90")),
    ),
    "mobile": (
        Offer("OFFER-MOBILE-10", "Mobile 10 GB", Decimal("19.90"), 10),
        Offer("OFFER-MOBILE-20", "Mobile 20 GB", Decimal("24.90"), 20),
        Offer("OFFER-MOBILE-50", "Mobile 50 GB", Decimal("34.90"), 50),
    ),
    "tv": (
        Offer("OFFER-TV-BASIC", "TV Basic", Decimal("9.90")),
        Offer("OFFER-TV-PLUS", "TV Plus", Decimal("19.90")),
        Offer("OFFER-TV-CINEMA", "TV Cinema", Decimal("29.50")),
    ),
    "voice": (
        Offer("OFFER-VOICE-FLEX", "Home Voice Flex", Decimal("4.90")),
        Offer("OFFER-VOICE-FLAT", "Home Voice Flat", Decimal("9.90")),
        Offer("OFFER-VOICE-WORLD", "Home Voice World", Decimal("14.90")),
    ),
}


class Subscriber(NamedTuple):
    """One customer in numbers.

    `kinds` are the services in order (service 1 is kinds[0]); `accounts` gives for each billing account the service
    numbers it pays for; `bills` is how many bills each account has, the newest `bill_age` days before today;
    `draw` are 16 bytes of chance for whatever else is decided.
    """

    number: int
    is_organization: bool
    given_name: str
    family_name: str
    name: str
    status: str
    kinds: tuple[Kind, ...]
    accounts: tuple[tuple[int, ...], ...]
    bills: int
    bill_age: int
    tickets: int
    draw: bytes

    @property
    def id(self) -> str:
        """The customer's id in every system."""
        return str(self.number)

    @property
    def email(self) -> str:
        """An address that no other customer has."""
        person = f"{names.slug(self.given_name)}.{names.slug(self.family_name)}"
        return f"{person}{self.number}@example.net"

    @property
    def phone(self) -> str:
        """A mobile number that no other customer has; its last seven digits are the customer number."""
        return f"+4670{self.number:07d}"

    @property
    def cabinet(self) -> int:
        """The number of the street cabinet that the premises are connected to."""
        return (self.number - FIRST_CUSTOMER) // CUSTOMERS_PER_CABINET + 1

    def offer(self, position: int) -> Offer:
        """Return the offer behind service `position` (1 is the first)."""
        offers = OFFERS[self.kinds[position - 1]]
        return offers[self.draw[5 + position] % len(offers)]

    def ticket_status(self, index: int) -> str:
        """Return the status of ticket `index` (1 is the first)."""
        if self.number == EXAMPLE:
            return ("inProgress", "closed", "resolved")[index - 1]
        chance = self.draw[index * 4 - 1] ^ self.draw[index]
        if self.status == "Closed" or chance >= 128:
            return ("closed", "resolved")[chance % 2]
        return OPEN_TICKET_STATES[chance % 4]

    def bill_state(self, account: int, age: int) -> BillState:
        """Return the state of an account's bill, `age` 0 being the newest and 1 the one before it."""
        if self.number == EXAMPLE:
            return {(1, 0): "sent", (2, 1): "partiallyPaid"}.get((account, age), "settled")  # type: ignore[return-value]  # the literals above are states
        chance = self.draw[9 + account * 2 + min(age, 1)]
        if self.status == "Closed" or age > 1:
            return "settled"
        if age == 0:
            return "sent" if chance < 140 else "onHold" if chance < 150 else "settled"
        return "sent" if chance < 20 else "partiallyPaid" if chance < 35 else "settled"


def subscriber(seed: int, number: int) -> Subscriber:
    """Return the customer with `number`; the same seed and number give the same customer on every machine."""
    draw = blake2b(f"{seed}:{number}".encode(), digest_size=16).digest()
    special = number in (EXAMPLE, SOMEBODY_ELSE)
    given = names.GIVEN_NAMES[draw[0] % len(names.GIVEN_NAMES)]
    family = names.FAMILY_NAMES[draw[1] % len(names.FAMILY_NAMES)]
    organization = not special and draw[2] < 26
    name = f"{given} {family}"
    if organization:
        trade = names.TRADES[draw[0] % len(names.TRADES)]
        name = f"{family} {trade} {names.COMPANY_FORMS[draw[3] % len(names.COMPANY_FORMS)]}"
    kinds = _MIXES[3] if number == EXAMPLE else _MIXES[2] if number == SOMEBODY_ELSE else _MIXES[draw[4] % len(_MIXES)]
    mobile, fixed = _PAID_TOGETHER[kinds]
    split = bool(mobile and fixed) and (number == EXAMPLE or draw[5] < 110)
    return Subscriber(
        number=number,
        is_organization=organization,
        given_name=given,
        family_name=family,
        name=name,
        status="Active" if special or draw[3] < 236 else "Suspended" if draw[3] < 248 else "Closed",
        kinds=kinds,
        accounts=(fixed, mobile) if split else (fixed + mobile,),
        bills=7 if number == EXAMPLE else 6 + draw[10] % 3,
        bill_age=10 if number == EXAMPLE else 3 + draw[15] % 25,
        tickets=3 if number == EXAMPLE else 2 if number == SOMEBODY_ELSE else (0, 0, 1, 0, 2, 1, 0, 3)[draw[14] % 8],
        draw=draw,
    )


def months_before(day: date, months: int) -> date:
    """Return the same day of the month (at most the 28th) `months` earlier."""
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, min(day.day, 28))


def bill_date(who: Subscriber, today: date, age: int) -> date:
    """Return the day a bill was issued; age 0 is the newest. Age 1 is always overdue if not paid."""
    return months_before(today - timedelta(days=who.bill_age), age)
