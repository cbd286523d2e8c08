"""Switches for the known deviations of four real implementations from TMF630.

``server.switches.merge(VENDORS["servicenow"])`` makes a system behave so. The source is named beside each
switch; what no source states is left well-behaved. The sandbox's href are relative and its products say `status`, as
ServiceNow's do, without a switch.
"""

from typing import Any, Final

VENDORS: Final[dict[str, dict[str, Any]]] = {
    # ServiceNow API reference: trouble ticket and product inventory.
    "servicenow": {
        "paths": {  # other base path, no version
            "troubleTicket": "/api/sn_ind_tsm_sdwan/ticket/troubleTicket",
            "product": "/api/sn_prd_invt/product",
        },
        "onlyFilters": {"troubleTicket": ["id", "severity", "status", "ticketType"]},  # only a few filters
        "filterNames": {"product": {"customer": "relatedParty.id"}},  # party filter under another name
        "noIdLists": True,  # id (single)
        "resourceLimits": {"troubleTicket": [25, 100], "product": [20, 100]},  # default and maximum page size
        "notFoundWhenEmpty": True,  # empty result answered with 404
        "statusWords": True,  # status values not from the enum
        "dates": "plain",  # dates "2022-05-16 23:38:55"
        "partyRoleInReferredType": True,  # role in @referredType, entries with empty id
        "notesAppend": True,  # PATCH note[] appends
        "noProductPrice": True,  # productPrice always empty array
    },
    # Communications Cloud TM Forum API guide: TMF621 v5 and TMF637 v5 use cases.
    "salesforce": {
        "version": "v5",
        "paths": {  # other resource names, lower case; the notes leave out what stands in front of the second
            "troubleTicket": "/connect/comms/troubleticket/v5/troubleticket",
            "product": "/connect/comms/productinventorymanagement/v5/productinventory",
        },
        "readOnly": ["product"],  # read-only or partial: no POST
        "offsetIsPage": True,  # offset described as a page number
        "statusWords": True,  # status values not from the enum
    },
    # FIWARE/tmforum-api before July 2026.
    "fiware": {
        "defaultLimit": 10,  # default page size
        "noPageHeaders": True,  # X-Total-Count, Link and 206 missing
        "noSort": True,  # ... and sort
        "ignoreIdFilter": ["resource"],  # id filter ignored on polymorphic lists
        "noMixedOperators": True,  # & and ; in one query refused
        "dropReservedPrefixes": True,  # parameters that start with limit, fields, offset, sort
    },
    # The TM Forum's own reference components.
    "oda-reference": {
        "unfilteredTotal": True,  # X-Total-Count counts the whole collection; 206 when the page is smaller
        "badLinks": True,  # Link drops the filters, no first, stray quote
        "numericFilters": True,  # values that look numeric compared as numbers; quotes force text
        "noOperatorSuffixes": True,  # .gt silently becomes part of a field path
    },
}
"""Name of an implementation: switches as ``PUT /_sandbox/switches`` takes them."""
