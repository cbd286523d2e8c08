"""Options of the Alertmanager driver: which alerts are outages, and what their labels name."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from connectors.strict import Strict
from connectors.texts import matching

_LABEL: Final = r"[a-zA-Z_][a-zA-Z0-9_]*"
Label = Annotated[str, matching(_LABEL, "the name of a label, such as device")]
LabelOrNone = Annotated[str, matching(rf"(?:{_LABEL})?", 'the name of a label, such as device, or "" for none')]


def _is_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"should be a regular expression: {error}") from error
    return text


Expression = Annotated[str, AfterValidator(_is_expression)]


class AlertmanagerOptions(Strict):
    """How an installation of Prometheus and Alertmanager labels its alerts.

    An outage is all alerts that fire, have a severity of `severities` and these `labels`, and agree in `group_by`.
    """

    severity_label: Annotated[Label, Field(description="Label with the severity.")] = "severity"
    severities: Annotated[
        dict[str, Annotated[int, Field(ge=1, le=10)]],
        Field(
            min_length=1,
            description="Severities of alerts that are outages, each with 1 (most severe) to 10. Alerts with another"
            " severity, or without one, are no outages.",
        ),
    ] = {"critical": 1, "major": 2}
    labels: Annotated[
        dict[Label, Expression],
        Field(description="What other labels of an outage must be, as a regular expression for the whole value."),
    ] = {}
    group_by: Annotated[
        tuple[Label, ...],
        Field(
            min_length=1,
            description="Labels in which all alerts of one outage agree. Their values are its id, so that it stays the"
            " same whichever alerts come and go. Usually those of Alertmanager's own group_by.",
        ),
    ] = ("alertname", "site", "device")
    service_label: Annotated[
        LabelOrNone, Field(description='Label with the number of the service that is affected; "": none.')
    ] = "service"
    resource_label: Annotated[
        LabelOrNone,
        Field(
            description="Label with the resource. It is affected by alerts that name no service: one whose line is down"
            ' says nothing of the others at the same device. "": none.'
        ),
    ] = "device"
    site_label: Annotated[
        LabelOrNone, Field(description='Label with the site, for the description of an outage; "": none.')
    ] = "site"
    name_annotation: Annotated[
        str, Field(description="Annotation that names an outage, where all its alerts have the same.")
    ] = "summary"
    description_annotation: Annotated[
        str, Field(description="Annotation that describes it, where all its alerts have the same. All users see it.")
    ] = "description"
    shows_texts_of_services: Annotated[
        bool,
        Field(
            description="Whether these annotations are also shown where an outage is of a service: they may tell"
            " everybody about one customer's line, or its addresses."
        ),
    ] = False
    restarted: Annotated[
        float,
        Field(
            ge=0,
            description="Seconds after Alertmanager's start in which an alert that is missing has not ended: it forgets"
            " all when it restarts, and is told again by Prometheus (each minute by default).",
        ),
    ] = 300.0
    ended_known: Annotated[
        float,
        Field(ge=0, description="Seconds for which an outage that ended is known by its id; Alertmanager drops it."),
    ] = 900.0
    max_url: Annotated[int, Field(ge=500, description="Longest path and query of a request, in bytes.")] = 7500
