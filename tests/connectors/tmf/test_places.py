"""Attributes that an installation keeps elsewhere are found there, in lists and alone, and nowhere else."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.errors import NotSupported
from connectors.records import Rows, Window
from connectors.tmf.profile import Profile
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.systems import Systems, asked

RESOURCE = {
    "id": "R1",
    "@type": "Resource",
    "category": "Hardware",
    "serialNumber": "not this",
    "resourceSpecification": {"id": "S", "name": "ONT 5"},
    "resourceCharacteristic": [
        {"name": "MAC", "value": "aa"},
        {"name": "sn", "value": "X-1"},
        {"name": "phys", "value": False},
    ],
    "place": [{"id": "SITE", "@referredType": "GeographicSite"}],
}
KEPT = {"serialNumber": "resourceCharacteristic[SN]", "category": "resourceSpecification.name", "@type": "category"}
WORDS = {"Hardware": "PhysicalResource", "false": "LogicalResource"}


@pytest.mark.parametrize("id_list", ["comma", "none"])
async def test_a_resource_is_read_from_where_its_attributes_are(id_list: str) -> None:
    body = json.dumps([RESOURCE] if id_list == "comma" else RESOURCE)
    profile: dict[str, Any] = {"id_list": id_list, "words": WORDS, "resources": {"resource": {"kept_in": KEPT}}}
    async with canned(resource=body, R1=body) as server, reading(server, profile=profile) as c:
        one = (await c.inventory.resources(["R1"], None))["R1"]
        assert (one.serial_number, one.kind, one.is_physical, one.site_id) == ("X-1", "ONT 5", True, "SITE")
        some = (await c.inventory.resources(["R1"], frozenset({"serial_number", "is_physical"})))["R1"]
        assert (some.serial_number, some.is_physical, some.kind) == ("X-1", True, None)
    assert "fields=category,id,relatedParty,resourceCharacteristic" in server.seen[-1]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("resourceCharacteristic[phys]", False),
        ("resourceCharacteristic[none]", None),
        ("resourceSpecification[phys]", None),
        ("category", True),
        ("absent.category", None),
        ("place.category", None),
    ],
)
async def test_what_is_not_there_is_null(place: str, value: bool | None) -> None:
    profile = {"words": WORDS, "kept_in": {"@type": place}}
    async with canned(resource=json.dumps([RESOURCE])) as server, reading(server, profile=profile) as c:
        assert (await c.inventory.resources(["R1"], None))["R1"].is_physical is value


async def test_other_resources_and_their_order() -> None:
    """A customer's name from a characteristic: the list is sorted here, and everything is found that it was before."""
    rows = [
        {"id": "1", "characteristic": [{"name": "label", "value": "Zed"}]},
        {"id": "2", "characteristic": [{"name": "label", "value": "Ann"}, {"name": "other", "value": "7"}]},
        {"id": "3", "name": "Bob"},
    ]
    profile = {"kept_in": {"name": "characteristic[label]"}, "read_everything": True, "paging": "none"}
    async with canned(customer=json.dumps(rows)) as server, reading(server, profile=profile) as c:
        found = await c.crm.customer_list(Window(0, 10), None, by_name=True)
        assert isinstance(found, Rows)
        assert {one.id: one.name for one in found.items} == {"1": "Zed", "2": "Ann", "3": None}
        assert [one.id for one in found.items if one.name] == ["2", "1"]
        assert found.items[0].external_ids.get("other") in ("7", None)
        assert [one.id for one in (await c.crm.customers_named("ann", Window(0, 10), None)).items] == ["2"]
    assert not [line for line in server.seen if "sort=name" in line or "name.regex" in line]


async def test_what_is_kept_elsewhere_is_filtered_by_under_its_own_name_only(systems: Systems) -> None:
    kept = {"kept_in": {"serialNumber": "resourceCharacteristic[SN]"}}
    async with connected(systems, inventory={"profile": kept}) as c:
        with pytest.raises(NotSupported, match="cannot filter resource by serialNumber"):
            await c.inventory.resources_named("x", Window(0, 1), None)
    assert asked(systems["inventory"]) == []
    named = kept | {"parameters": {"serialNumber": "resourceCharacteristic.value"}}
    async with connected(systems, inventory={"profile": named}) as c:
        await c.inventory.resources_named("x", Window(0, 1), None)
    assert any("resourceCharacteristic.value=x" in line for line in asked(systems["inventory"]))


@pytest.mark.parametrize(
    "kept",
    [{"id": "href"}, {"relatedParty": "owner"}, {"name": ""}, {"name": "a[b"}, {"name": "a..b"}, {"name": "a b"}],
)
def test_what_is_no_place_is_refused(kept: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="kept_in"):
        Profile.model_validate({"kept_in": kept})
