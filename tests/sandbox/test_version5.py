"""TM Forum v5: what is served under which path, in which shape, and how it is asked for."""

import json

import pytest

from sandbox import shapes, version5
from sandbox.systems import REPORT, RESOURCES
from tests.sandbox import official, official5

V5 = [*(resource for resource in RESOURCES if resource.path in version5.PATHS), REPORT]


@pytest.fixture
def v5(systems):
    for client in systems.values():
        client.server.switches.version = "v5"
    return systems


def _path(resource):
    return version5.PATHS.get(resource.path, resource.path)


@pytest.mark.skipif(not official.SPECS.is_dir(), reason=f"no official specs at {official.SPECS}; set TMF_SPECS")
@pytest.mark.parametrize("resource", V5, ids=lambda r: r.name)
def test_rows_are_what_the_official_definition_says(v5, resource):
    pytest.importorskip("yaml", reason="PyYAML reads the official v5 files and is not installed")
    rows = json.loads(v5[resource.system].get(f"{_path(resource)}?limit=400").body)
    assert rows
    wrong = {row["id"]: found for row in rows if (found := official5.problems(resource.type, resource.type, row))}
    assert wrong == {}


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.path in version5.PATHS], ids=lambda r: r.name)
def test_one_version_at_a_time(systems, resource):
    client = systems[resource.system]
    statuses = []
    for version in ("v4", "v5"):
        client.server.switches.version = version
        statuses.append([client.get(f"{path}?limit=1").status for path in (resource.path, _path(resource))])
    assert statuses == [[206, 404], [404, 206]]


def test_what_has_no_v5_stays_where_it_is(v5):
    assert v5["billing"].get("payment?account.id=BA-1001-1").json[0]["payer"]["id"] == "1001"
    assert v5["inventory"].get("geographicSite/SITE-1001").json["relatedParty"][0]["id"] == "1001"


def test_a_related_party_is_nested_and_so_is_its_filter(v5):
    crm = v5["crm"]
    path = version5.PATHS[shapes.PRODUCT]
    rows = crm.get(f"{path}?relatedParty.partyOrPartyRole.id=1001,1002").json
    parties = [row["relatedParty"] for row in rows]
    assert {row["id"][:9] for row in rows} == {"PROD-1001", "PROD-1002"}
    assert parties[0] == [
        {
            "role": "customer",
            "@type": "RelatedPartyOrPartyRole",
            "partyOrPartyRole": {
                "id": "1001",
                "href": "/tmf-api/customerManagement/v5/customer/1001",
                "name": crm.get(f"{version5.PATHS[shapes.CUSTOMER]}/1001").json["name"],
                "partyId": "P1001",
                "partyName": parties[0][0]["partyOrPartyRole"]["name"],
                "@type": "PartyRoleRef",
                "@referredType": "Customer",
            },
        }
    ]
    assert crm.get(f"{path}?relatedParty.id=1001").json == []
