"""The conformance suite on every driver in the table, and on drivers that are broken in one way each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, get_type_hints

import pytest

from connectors import DRIVERS, Product
from connectors.billing.port import Bill, BillingPort
from connectors.billing.tmf import TmfBilling
from connectors.conformance import METHODS, Result
from connectors.conformance.failing import WAYS, standing_in
from connectors.crm.port import CrmPort
from connectors.inventory.port import InventoryPort
from connectors.records import Fields, Money, Rows, Window
from connectors.system import System
from connectors.ticketing.port import TicketingPort
from sandbox.switches import Switches
from tests.connectors.conforming import conversing, failed, failures, trial
from tests.systems import Systems

PORTS = {"crm": CrmPort, "billing": BillingPort, "inventory": InventoryPort, "ticketing": TicketingPort}
CUSTOMERS = {"customer": [str(number) for number in range(1001, 1011)]}
VERSIONS = ["v4", *(["v5"] if "version" in Switches.model_fields else [])]


@pytest.mark.parametrize("domain", PORTS)
def test_every_method_of_a_port_is_checked(domain: str) -> None:
    methods = {name for name, one in vars(PORTS[domain]).items() if callable(one) and not name.startswith("_")}
    assert {one.name for one in METHODS[domain]} | {"open_document"} >= methods
    assert {one.name for one in METHODS[domain]} <= methods


def sandboxed(systems: Systems, domain: str, **settings: Any) -> System:
    return System.model_validate({"url": systems[domain].url, **settings})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("domain", PORTS)
async def test_the_tm_forum_drivers_conform(systems: Systems, domain: str, version: str) -> None:
    if version != "v4":
        systems[domain].switches.merge({"version": version})
    results = await trial(
        domain,
        DRIVERS[domain]["tmf"],
        sandboxed(systems, domain, profile={"version": version}),
        CUSTOMERS if domain != "crm" else None,
    )
    assert failures(results) == []
    marks = {(one.method, one.check): one.mark for one in results}
    assert {one.name for one in METHODS[domain] if marks[one.name, "answers"] != "passed"} == set()
