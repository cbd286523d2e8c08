"""`[telemetry]`: where traces and metrics are sent (OTLP), and what may be told of an operation."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from connectors.network import certificates
from connectors.secret_files import WithSecrets
from connectors.texts import BaseAddress, HeaderName, HeaderValue, names_a_user

_NAME: Final = TypeAdapter[str](HeaderName)
_VALUE: Final = TypeAdapter[str](HeaderValue)


def _address(given: str | None) -> str | None:
    if given is not None and names_a_user(given):
        raise ValueError("should be an address without user name and password: credentials are for headers_file")
    return given


def headers_in(text: str) -> dict[str, str]:
    """Headers as OpenTelemetry writes them: `name=value,name=value`, values percent-encoded. Raises ValueError."""
    found = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise ValueError('should be headers such as "authorization=Bearer%20abc,x-tenant=portal"')
        try:
            found[_NAME.validate_python(name.strip().lower())] = _VALUE.validate_python(unquote(value.strip()))
        except ValidationError as error:  # whose own text would show the value
            why = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"one of the headers {why}") from None
    return found


def _headers(given: str | None) -> str | None:
    if given is not None:
        headers_in(given)
    return given


def _authorities(file: Path | None) -> Path | None:
    if file is not None:
        certificates(file, "ca_file")
    return file


NAME: Final = "opticom-gateway"


class TelemetrySettings(WithSecrets):
    """`[telemetry]`: OTLP over HTTP (protobuf), and the names of operations. docs/telemetry.md says more."""

    endpoint: Annotated[
        BaseAddress | None,
        AfterValidator(_address),
        Field(description='The collector, such as "http://collector:4318"; without it nothing is sent.'),
    ] = None
    headers: Annotated[
        str | None,
        AfterValidator(_headers),
        Field(repr=False, description='Headers for it, such as "authorization=Bearer%20abc,x-tenant=portal".'),
    ] = None
    headers_file: Annotated[Path | None, Field(description="File with them; read at start.")] = None
    ca_file: Annotated[
        Path | None,
        AfterValidator(_authorities),
        Field(description="Authorities that its certificate may be of (PEM)."),
    ] = None
    timeout: Annotated[float, Field(gt=0, le=60, description="Seconds for one message to it.")] = 5.0
    service_name: Annotated[str, Field(min_length=1, description="The gateway's name there (service.name).")] = NAME
    metrics: Annotated[bool, Field(description="Whether the metrics are sent.")] = True
    interval: Annotated[float, Field(gt=0, description="Seconds between two times at which they are.")] = 60.0
    traces: Annotated[bool, Field(description="Whether traces are sent.")] = True
    sample: Annotated[
        float, Field(ge=0, le=1, description="Share of the requests that are traced, of those that nobody traces yet.")
    ] = 0.01
    parent_based: Annotated[
        bool,
        Field(
            description="Whether a request's own traceparent says whether it is traced; otherwise sample always does."
        ),
    ] = True
    document: Annotated[
        bool, Field(description="Whether traces have the documents, whose literals may be personal data.")
    ] = False
    operation_names: Annotated[
        int, Field(ge=1, le=10_000, description="Names of operations that are told apart, where there is no manifest.")
    ] = 200

    @property
    def sends_metrics(self) -> bool:
        """Whether metrics go anywhere."""
        return self.endpoint is not None and self.metrics

    @property
    def sends_traces(self) -> bool:
        """Whether traces do."""
        return self.endpoint is not None and self.traces
