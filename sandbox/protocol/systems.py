"""The resources of each system, and how their rows are generated and found."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sandbox.data import billing, crm, inventory, outages, shapes, ticketing, usage
from sandbox.data.world import World
from sandbox.protocol import version5_rows
from sandbox.protocol.collection import (
    Collection,
    Find,
    Part,
    Shard,
    around_cabinet,
    of_customer,
    of_customer_or_cabinet,
)

SystemName = Literal["crm", "billing", "inventory", "ticketing"]
SYSTEMS: Final[tuple[SystemName, ...]] = get_args(SystemName)
DEFAULT_PORTS: Final[dict[SystemName, int]] = {name: 8101 + at for at, name in enumerate(SYSTEMS)}


@dataclass(frozen=True)
class Resource:
    """A TM Forum resource: where it is served and how its rows are made and found.

    `type` is the definition's name in the official spec, `state` the attribute whose change is a state change,
    `states` its words (empty: any), `state_event` what such an event is called, `create` the attributes that a
    POST must have (None: no POST), `update` those that a PATCH may have (None: no PATCH; empty: any but id and href).
    """

    system: SystemName
    path: str
    type: str
    parts: tuple[Part, ...]
    keys: dict[str, Find]
    state: str = "status"
    state_event: str = "StateChangeEvent"
    states: tuple[str, ...] = ()
    create: tuple[str, ...] | None = None
    update: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The last part of the path, such as customerBill."""
        return self.path.rpartition("/")[2]

    @property
    def base(self) -> str:
        """The API's base path."""
        return self.path.rpartition("/")[0]

    def collection(self, world: World) -> Collection:
        """Return the resource's rows in a world."""
        return Collection(world, self.parts, self.keys)


def _customers(world: World) -> range:
    return world.numbers


def _cabinets(world: World) -> range:
    return world.cabinets


def _one(world: World) -> range:
    del world
    return range(1, 2)


def _in_text(pattern: str) -> Find:
    """Find the customer whose number stands in the first group of `pattern`; another text finds nothing."""
    compiled = re.compile(pattern)

    def find(world: World, value: str) -> Iterable[Shard]:
        match = compiled.search(value)
        return [(0, int(match[1]))] if match and int(match[1]) in world.numbers else []

    return find


def _party(world: World, value: str) -> Iterable[Shard] | None:
    """Find by a customer's id; agents and the like are somewhere."""
    return of_customer(world, value) if value[:1].isdigit() else None


def _device(world: World, value: str) -> Iterable[Shard] | None:
    """Find by serial number: the customer number stands before its last three digits."""
    match = re.match(r"(?:ONT|RTR|STB|8946070)(\d{7})\d{3}\Z", value)
    if match:
        return [(0, int(match[1]))] if int(match[1]) in world.numbers else []
    shared = re.match(r"(?:CBN|OLT)9(\d{6})\d{3}\Z", value)
    return [(1, int(shared[1]))] if shared and int(shared[1]) in world.cabinets else []


_EMAIL = _in_text(r"\D(\d+)@")
_PHONE = _in_text(r"\A\+46(?:70|8)(\d{7})\Z")


def _contact(world: World, number: int) -> tuple[str, ...]:
    return (world.subscriber(number).email,)


_CONTACT_COLUMNS: Final[dict[str, Callable[[World, int], Iterable[str]]]] = {
    "contactMedium.characteristic.emailAddress": _contact,
    "contactMedium.characteristic.phoneNumber": lambda world, n: (world.subscriber(n).phone,),
}


def _party_resource(path: str, kind: str, part: Part, create: tuple[str, ...]) -> Resource:
    keys: dict[str, Find] = {
        "id": of_customer,
        "relatedParty.id": _party,
        "contactMedium.characteristic.emailAddress": _EMAIL,
        "contactMedium.characteristic.phoneNumber": _PHONE,
    }
    return Resource("crm", path, kind, (part,), keys, create=create, update=())


_TICKET_STATES: Final = ("acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved")

RESOURCES: Final[tuple[Resource, ...]] = (
    Resource(
        "crm",
        shapes.CUSTOMER,
        "Customer",
        (
            Part(
                crm.customers,
                _customers,
                columns={
                    "name": lambda world, n: (world.subscriber(n).name,),
                    "status": lambda world, n: (world.subscriber(n).status,),
                    "id": lambda world, n: (str(n),),
                    **_CONTACT_COLUMNS,
                },
            ),
        ),
        {
            "id": of_customer,
            "engagedParty.id": of_customer,
            "characteristic.value": of_customer,
            "relatedParty.id": of_customer,
            "account.id": of_customer,
            "contactMedium.characteristic.emailAddress": _EMAIL,
            "contactMedium.characteristic.phoneNumber": _PHONE,
        },
        create=("name", "engagedParty"),
        update=(),
    ),
    _party_resource(
        shapes.INDIVIDUAL,
        "Individual",
        Part(
            crm.individuals,
            _customers,
            lambda world, n: int(not world.subscriber(n).is_organization),
            {
                "fullName": lambda world, n: (world.subscriber(n).name,),
                "givenName": lambda world, n: (world.subscriber(n).given_name,),
                "familyName": lambda world, n: (world.subscriber(n).family_name,),
                **_CONTACT_COLUMNS,
            },
        ),
        ("givenName", "familyName"),
    ),
    _party_resource(
        shapes.ORGANIZATION,
        "Organization",
        Part(
            crm.organizations,
            _customers,
            lambda world, n: int(world.subscriber(n).is_organization),
            {"name": lambda world, n: (world.subscriber(n).name,), **_CONTACT_COLUMNS},
        ),
        ("tradingName",),
    ),
    Resource(
        "crm",
        shapes.PRODUCT,
        "Product",
        (Part(crm.products, _customers, lambda world, n: len(world.subscriber(n).kinds)),),
        {
            "id": of_customer,
            "relatedParty.id": _party,
            "billingAccount.id": of_customer,
            "realizingService.id": of_customer,
            "realizingResource.id": of_customer,
        },
        update=(),
    ),
    Resource(
        "billing",
        shapes.ACCOUNT,
        "BillingAccount",
        (Part(billing.accounts, _customers, lambda world, n: len(world.subscriber(n).accounts)),),
        {"id": of_customer, "relatedParty.id": _party},
        state="state",
        update=(),
    ),
    Resource(
        "billing",
        shapes.BILL,
        "CustomerBill",
        (
            Part(
                billing.customer_bills,
                _customers,
                lambda world, n: billing.bill_count(world.subscriber(n)),
                {"billNo": billing.bill_numbers},
            ),
        ),
        {
            "id": of_customer,
            "relatedParty.id": _party,
            "billingAccount.id": of_customer,
            "billNo": _in_text(r"\A(\d+)-"),
            "appliedPayment.payment.id": of_customer,
        },
        state="state",
        states=("new", "onHold", "validated", "sent", "partiallyPaid", "settled"),
        update=("state",),
    ),
    Resource(
        "billing",
        shapes.RATE,
        "AppliedCustomerBillingRate",
        (Part(billing.billing_rates, _customers, lambda world, n: billing.rate_count(world.subscriber(n))),),
        {"id": of_customer, "bill.id": of_customer, "billingAccount.id": of_customer, "product.id": of_customer},
    ),
    Resource(
        "billing",
        shapes.PAYMENT,
        "Payment",
        (Part(billing.payments, _customers, lambda world, n: billing.payment_count(world.subscriber(n))),),
        {
            "id": of_customer,
            "account.id": of_customer,
            "payer.id": of_customer,
            "paymentItem.item.id": of_customer,
            "correlatorId": _in_text(r"\ACORR-BILL-(\d+)-"),
        },
        create=("account", "paymentMethod", "totalAmount"),
    ),
    Resource(
        "inventory",
        shapes.SERVICE,
        "Service",
        (Part(inventory.services, _customers, lambda world, n: 2 * len(world.subscriber(n).kinds)),),
        {
            "id": of_customer,
            "relatedParty.id": _party,
            "supportingService.id": of_customer,
            "supportingResource.id": around_cabinet,
            "supportingService.supportingResource.id": around_cabinet,
            "place.id": of_customer,
        },
        state="state",
        states=("feasibilityChecked", "designed", "reserved", "inactive", "active", "terminated"),
        create=("state", "serviceSpecification"),
        update=(),
    ),
    Resource(
        "inventory",
        shapes.RESOURCE,
        "Resource",
        (
            Part(
                inventory.resources,
                _customers,
                lambda world, n: inventory.resource_count(world.subscriber(n)),
                {"serialNumber": lambda world, n: inventory.serial_numbers(world.subscriber(n))},
            ),
            Part(inventory.shared_resources, _cabinets, lambda world, c: 2),
        ),
        {
            "id": of_customer_or_cabinet,
            "relatedParty.id": _party,
            "place.id": of_customer_or_cabinet,
            "serialNumber": _device,
            "value": _PHONE,
        },
        state="resourceStatus",
        states=("standby", "alarm", "available", "reserved", "unknown", "suspended"),
        update=(),
    ),
    Resource(
        "inventory",
        shapes.SITE,
        "GeographicSite",
        (Part(inventory.sites, _customers), Part(inventory.shared_sites, _cabinets)),
        {"id": of_customer_or_cabinet, "relatedParty.id": _party},
        state_event="StatusChangeEvent",
    ),
    Resource(
        "ticketing",
        shapes.TICKET,
        "TroubleTicket",
        (
            Part(
                ticketing.tickets,
                _customers,
                lambda world, n: world.subscriber(n).tickets,
                {"status": ticketing.ticket_states},
            ),
        ),
        {
            "id": of_customer,
            "relatedParty.id": _party,
            "relatedEntity.id": of_customer,
            "externalId": lambda world, value: (),
        },
        state_event="StatusChangeEvent",
        states=_TICKET_STATES,
        create=("description", "severity", "ticketType"),
        update=(),
    ),
    Resource(
        "ticketing",
        shapes.PROBLEM,
        "ServiceProblem",
        (Part(ticketing.problems, _one, lambda world, _: len(outages.all_outages(world))),),
        {"id": lambda world, value: [(0, 1)]},
        states=_TICKET_STATES,
        create=("category", "priority", "description", "reason", "originatorParty"),
        update=(),
    ),
)

REPORT: Final = Resource(
    "billing",
    version5_rows.REPORT,
    "UsageConsumptionReport",
    (Part(usage.consumptions, _customers, lambda world, n: world.subscriber(n).kinds.count("mobile")),),
    {
        "id": of_customer,
        "relatedParty.id": _party,
        "partyAccount.id": of_customer,
        "product.id": of_customer,
        "logicalResource.id": of_customer,
    },
)
"""Usage as v5 reads it: a plain list. v4 has only the task."""


def resources_of(system: SystemName) -> tuple[Resource, ...]:
    """Return the resources that a system serves."""
    return tuple(resource for resource in RESOURCES if resource.system == system)
