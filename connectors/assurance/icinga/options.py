"""Options of the Icinga driver: which problems are outages, and what custom variables name."""

from typing import Annotated, Final, Literal

from pydantic import Field

from connectors.strict import Strict
from connectors.texts import matching

Word = Literal["down", "critical", "warning", "unknown"]
"""States of a problem: of a host, and of a service."""

_VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]*"
VariableOrNone = Annotated[
    str, matching(rf"(?:{_VARIABLE})?", 'the name of a custom variable, such as service_number, or "" for none')
]


class IcingaOptions(Strict):
    """How an installation of Icinga 2 is used.

    An outage is a host or a service with a hard problem of `severities`, and all that is behind a host that is down.
    """

    severities: Annotated[
        dict[Word, Annotated[int, Field(ge=1, le=10)]],
        Field(
            min_length=1,
            description="States that are outages (down, critical, warning, unknown), each with 1 (most severe) to 10.",
        ),
    ] = {"down": 1, "critical": 2}
    host_filter: Annotated[
        str, Field(description='Which hosts count, in Icinga\'s filter language, such as host.vars.role != "lab".')
    ] = ""
    service_filter: Annotated[
        str, Field(description='Which services count, such as service.vars.service_number; "": all.')
    ] = ""
    service_variable: Annotated[
        VariableOrNone, Field(description='Custom variable of services with the number of the service; "": none.')
    ] = "service_number"
    resource_variable: Annotated[
        VariableOrNone, Field(description='Custom variable of hosts with the id of the resource; "": the host\'s name.')
    ] = ""
    site_variable: Annotated[
        VariableOrNone, Field(description='Custom variable of hosts with the site, for descriptions; "": none.')
    ] = "site"
    shows_output: Annotated[
        bool, Field(description="Whether what the check said describes the outage. All users see it.")
    ] = False
    ended_known: Annotated[
        float, Field(gt=0, description="Seconds for which an outage that has ended is found, by its id and in lists.")
    ] = 7 * 86400.0
    max_keys: Annotated[int, Field(ge=1, description="Most keys in one question.")] = 500
    quiet: Annotated[
        float,
        Field(gt=0, description="Seconds without an event after which the stream is begun anew: a dead one is quiet."),
    ] = 300.0
