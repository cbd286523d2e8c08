"""Profiles of known products, selected by `profile = { name = "..." }`.

Each holds only what a public source says: ServiceNow's API reference [SNOW], Salesforce's API guide [SFDC], FIWARE's
tmforum-api [FIW], TM Forum's ODA reference implementation [ODA]. A note of what it says stands above each value; notes
that need no value stand at the end. Operators add what differs in their installation (mostly status words).
"""

from collections.abc import Mapping
from typing import Any, Final

SERVICENOW: Final[Mapping[str, Any]] = {
    # "other base path, no version: /api/sn_ind_tsm_sdwan/ticket/troubleTicket, /api/sn_prd_invt/product" [SNOW]
    "paths": {"troubleTicket": "/api/sn_ind_tsm_sdwan/ticket/troubleTicket", "product": "/api/sn_prd_invt/product"},
    # "only a few filters: id (single)" [SNOW]. Said of tickets; that products take lists is said nowhere.
    "id_list": "none",
    # "default and maximum page size: 25/100 (tickets), 20/100 (products)" [SNOW]
    "page_size": 100,
    # "empty result answered with 404 on a list" [SNOW] both pages, status table
    "empty_is_404": True,
    # "status values not from the enum: 'New', 'Working', 'Initial Sale'; severity '3 - Moderate'" [SNOW], [SFDC]
    "words": {"New": "acknowledged", "Working": "inProgress", "Initial Sale": "active", "3 - Moderate": "minor"},
    "status_filter": False,
    # "role in @referredType (customer, customer_contact, assigned_to), entries with empty id" [SNOW]
    "party_type_is_role": True,
    "assignee_role": "assigned_to",
    # "PATCH note[] appends instead of replacing" [SNOW] PATCH example
    "note_patch": "append",
    # "vendor @type (ServiceNow work_notes / comments)", section 9
    "public_note_types": ["comments", "Note"],
    "internal_note_type": "work_notes",
    "resources": {
        # "only a few filters: id (single), severity, status, ticketType; no relatedParty.id" [SNOW] trouble ticket
        "troubleTicket": {"filters": ["id", "severity", "status", "ticketType"]},
        "product": {
            # "party filter under another name: customer=" [SNOW] product inventory
            "parameters": {"relatedParty.id": "customer"},
            # "productPrice always empty array" [SNOW] product inventory
            "absent": ["productPrice"],
        },
    },
    # "dates '2022-05-16 23:38:55', no T, no zone" [SNOW]: read so; where the zone is not UTC, say `timezone`.
    # "entries with empty id" [SNOW]: they own nothing.
    # "relative href" [SNOW]: no href is followed. "documented as state, sent as status" [SNOW]: status is read.
}

SALESFORCE: Final[Mapping[str, Any]] = {
    # "other resource names / lower case: .../connect/comms/troubleticket/v5/troubleticket/{caseNumber},
    # .../productinventorymanagement/v5/productinventory" [SFDC] TMF621v5, TMF637v5. What "..." is belongs to the url,
    # and the second is taken to be beside the first.
    "version": "v5",
    "paths": {
        "troubleTicket": "/connect/comms/troubleticket/v5/troubleticket",
        "product": "/connect/comms/productinventorymanagement/v5/productinventory",
    },
    # "offset described as a page number" [SFDC] TMF621/637 use cases: "test before trusting"
    "paging": "page",
    # "status values not from the enum: 'New', 'Working', 'Initial Sale'" [SNOW], [SFDC]
    "words": {"New": "acknowledged", "Working": "inProgress", "Initial Sale": "active"},
    "status_filter": False,
}

FIWARE: Final[Mapping[str, Any]] = {
    # "X-Total-Count, Link, 206 and sort missing until July 2026" [FIW] PR #163: only sort would be missed
    "sort": False,
    # "id filter ignored on polymorphic lists (resource etc.) until PR #167" [FIW] PR #167: asked for one by one
    "resources": {"resource": {"id_list": "none"}},
    # "& and ; in one query refused" [FIW] QueryParser.java: lists have commas by default.
    # "any parameter whose name starts with limit/fields/offset/sort is dropped from the filter" [FIW]
    # QueryParser.removeWellKnownParameters: no filter that a driver asks for starts so.
    # "FIWARE default 10" [FIW CommonConstants.DEFAULT_LIMIT]: a limit is always asked for.
    # "ids are URNs with colons" [FIW] PR #139: ids are any text.
}

ODA_REFERENCE: Final[Mapping[str, Any]] = {
    # "X-Total-Count counts the whole collection, not the matches" [ODA] ProductService.js, listResource.js
    "total_trusted": False,
    # "filter values that look numeric compared as numbers; quotes force string" [ODA] via query-to-mongo README
    "quoted": True,
    # ".gt etc. not understood; .gt silently becomes part of a field path; comma list works" [ODA] via the same README
    "operators": False,
    "regex": False,
    # "Link header drops the filters" [ODA] listResource.js: Link is not followed.
}

PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "servicenow": SERVICENOW,
    "salesforce": SALESFORCE,
    "fiware": FIWARE,
    "oda-reference": ODA_REFERENCE,
}
"""By the name in the settings; the keys are those of `connectors.tmf.profile.Profile`."""


def laid_over(named: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The named profile, overridden by the given keys.

    A key that is given for all resources also overrides the named profile's values for single resources.
    """
    plain = {key for key in given if key not in ("resources", "parameters")}
    renamed = given.get("parameters")
    resources = {}
    for resource, keys in named.get("resources", {}).items():
        resources[resource] = {key: value for key, value in keys.items() if key not in plain}
        if "parameters" in keys and isinstance(renamed, Mapping):
            resources[resource]["parameters"] = {k: v for k, v in keys["parameters"].items() if k not in renamed}
    return _laid({**named, "resources": resources}, given)


def _laid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The two tables merged, nested tables too; values of `above` win."""
    found = {**below, **above}
    for key, value in above.items():
        under = below.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            found[key] = _laid(under, value)
    return found
