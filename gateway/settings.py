"""Typed settings: one TOML file, the environment on top, and every wrong key named with its place.

A variable's name is `GATEWAY_`, then the key's path with two underscores between its parts, in any case:
`GATEWAY_SYSTEMS__BILLING__URL`. A list or a table is written as JSON. `gateway.example.toml` shows every section.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from connectors import DOMAINS, Domain
from connectors.http.policy.deadline import ANSWERING_TIME
from connectors.links import referred_to
from connectors.secret_files import Secret, WithSecrets
from connectors.settings import System
from connectors.store import address
from connectors.strict import Strict
from connectors.texts import without_credentials
from connectors.wrong_settings import reported_again
from gateway import (
    cache_settings,
    documents_settings,
    files_settings,
    live_settings,
    live_sources,
    scope_settings,
    writes_settings,
)
from gateway.auth.access import IntrospectionFor, TraceFor
from gateway.auth_settings import AuthSettings
from gateway.cache_settings import CacheSettings
from gateway.cors_settings import CorsSettings
from gateway.documents_settings import DocumentsSettings
from gateway.engine.limits import STAFF, AnswerLimits, Limits
from gateway.files_settings import FilesSettings
from gateway.live_settings import LiveSettings
from gateway.portal_settings import PortalSettings
from gateway.rate_settings import RateSettings
from gateway.scope_settings import ScopeSettings
from gateway.server_settings import ServerSettings as ServerSettings
from gateway.telemetry_settings import TelemetrySettings
from gateway.writes_settings import WritesSettings, Wrong


class _Systems(Strict):
    """`[systems.*]`: the systems behind the gateway, one for each domain of `connectors.DOMAINS`."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _fits_driver(cls, given: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> System | None:
        """Validate a section together with its driver's configuration, so that all errors are reported at once."""
        try:
            system: System | None = read(given)
        except ValidationError as error:
            wrong = [reported_again(one) for one in error.errors(include_url=False)]
            if (
                isinstance(given, dict)
                and isinstance(given.get("driver", ""), str)
                and all(isinstance(given.get(name, {}), dict) for name in ("options", "profile"))
            ):
                try:
                    _configuration(str(info.field_name), System.model_construct(**given))
                except ValueError as another:
                    wrong.append(InitErrorDetails(type="value_error", input=given, ctx={"error": another}))
            raise ValidationError.from_exception_data(error.title, wrong) from error
        if system is not None:
            _configuration(str(info.field_name), system)
        return system

    @field_validator("*")
    @classmethod
    def _references_exist(cls, system: System | None, info: ValidationInfo) -> System | None:
        domains = [one for one in DOMAINS.values() if info.field_name in (one.name, one.part_of)]
        held = sorted({entity for one in domains for entity in referred_to(one.port)})
        held = [one for one in held if one not in DOMAINS[str(info.field_name)].promises.kinds.values()]
        for entity in system.references if system is not None else ():
            if entity not in held:
                raise ValueError(
                    f"references.{entity}: {info.field_name}'s records hold no ids of another system's {entity}s;"
                    f" there are: {', '.join(held) or 'none'}"
                )
        return system

    @property
    def by_domain(self) -> dict[str, System]:
        """The systems that are configured, as `connectors.connect` takes them."""
        return {name: system for name in type(self).model_fields if (system := getattr(self, name)) is not None}

    def __repr_args__(self) -> list[tuple[str, str]]:
        return [(domain, without_credentials(system.url)) for domain, system in self.by_domain.items()]


def _not_referred_to(systems: Mapping[str, System]) -> Iterator[Wrong]:
    """References in a system's section for records that another one keeps, which has a section of its own."""
    for part in DOMAINS.values():
        whole = part.part_of
        if whole is None or whole not in systems or part.name not in systems:
            continue
        for entity in systems[whole].references:
            if entity in referred_to(part.port) and entity not in referred_to(DOMAINS[whole].port):
                right = f"systems.{part.name}.references"
                yield ("systems", whole, "references", entity), f"is for what the {part.label} keeps: set it in {right}"


def _configuration(domain: str, system: System) -> None:
    DOMAINS[domain].driver(system.driver).configuration(system)


def systems_model(domains: Mapping[str, Domain]) -> type[_Systems]:
    """The model with a section for each of these domains, which may be missing where the domain is not required."""
    fields: dict[str, Any] = {
        name: (Annotated[System, Field(description=domain.keeps)], ...)
        if domain.required
        else (Annotated[System | None, Field(description=domain.keeps)], None)
        for name, domain in domains.items()
    }
    return create_model("SystemsSettings", __base__=_Systems, **fields)


if TYPE_CHECKING:
    SystemsSettings = _Systems
else:
    SystemsSettings = systems_model(DOMAINS)


class GraphQLSettings(Strict):
    """`[graphql]`: what one request may ask, and for how long."""

    introspection: Annotated[IntrospectionFor, Field(description="Who may read the schema.")] = "staff"
    trace: Annotated[
        TraceFor,
        Field(
            description="Who may see an answer's upstream calls, with the header X-Gateway-Trace: 1. Subscribers see no"
            " keys, queries and sizes, unless it is 'signed-in with keys', which is for test systems."
        ),
    ] = "staff"
    graphiql: Annotated[bool, Field(description="Whether a browser gets GraphiQL at the endpoint.")] = False
    deadline: Annotated[
        float,
        Field(gt=0, description="Seconds after which a request is answered with what is there; 1 s later, an error."),
    ] = 8.0
    cached_bytes: Annotated[
        int, Field(ge=1024 * 1024, description="Most memory of one process for documents that it has prepared.")
    ] = 64 * 1024 * 1024
    persisted_per_minute: Annotated[
        int, Field(ge=1, description="Persisted queries of one caller that are stored in a minute.")
    ] = 60
    limits: Annotated[Limits, Field(description="Size of a request, of its document and of its answer.")] = Limits()
    staff_limits: Annotated[
        AnswerLimits, Field(description="Size of an answer to agents and admins, in place of those in limits.")
    ] = STAFF


def _redis_address(url: str | None) -> str | None:
    if url is not None:
        address.read(url)  # Its ValueError says what would be right.
    return url


class RedisSettings(WithSecrets):
    """`[redis]`: state that several processes share for a short time. Without it each process has its own."""

    url: Annotated[
        str | None,
        AfterValidator(_redis_address),
        Field(
            repr=False,
            description='Address of what may be forgotten, e.g. "redis://cache.example:6379/0" or "redis+cluster://a,b".',
        ),
    ] = None
    url_file: Annotated[Path | None, Field(description="File with that address.")] = None
    writes_url: Annotated[
        str | None,
        AfterValidator(_redis_address),
        Field(
            repr=False,
            description="Address of what must not be: what became of each write. Its maxmemory-policy is noeviction,"
            " and it keeps its data on disk.",
        ),
    ] = None

    writes_url_file: Annotated[Path | None, Field(description="File with that address.")] = None


class LogSettings(WithSecrets):
    """`[log]`: lines on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="The least that is told.")] = (
        "info"
    )
    format: Annotated[Literal["text", "json"], Field(description="Lines for people, or JSON for a collector.")] = "text"
    access: Annotated[bool, Field(description="Whether each operation has a line of its own, in JSON.")] = False
    caller_key: Annotated[
        str | None,
        AfterValidator(files_settings.long),
        Field(repr=False, description="What callers are called by there; else a key that each process makes."),
    ] = None
    caller_key_file: Annotated[Path | None, Field(description="File with it.")] = None


class Settings(Strict):
    """Everything that can be set. `gateway.settings_file.load` reads it; the demo builds it in code."""

    systems: SystemsSettings
    auth: AuthSettings | None = None
    scopes: ScopeSettings = ScopeSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    documents: DocumentsSettings = DocumentsSettings()
    redis: RedisSettings | None = None
    cache: CacheSettings = CacheSettings()
    writes: WritesSettings = WritesSettings()
    live: LiveSettings = LiveSettings()
    files: FilesSettings = FilesSettings()
    portal: PortalSettings = PortalSettings()
    server: ServerSettings = ServerSettings()
    cors: CorsSettings = CorsSettings()
    rates: RateSettings = RateSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @property
    def upstream(self) -> dict[str, System]:
        """The systems as requests ask them, which wait for `graphql.deadline` at most."""
        seconds = max(self.graphql.deadline - ANSWERING_TIME, 0.1 * self.graphql.deadline)
        return {name: system.asked_for(seconds) for name, system in self.systems.by_domain.items()}

    @property
    def shared_url(self) -> str | None:
        """Where the processes share what may be forgotten; None: each has its own."""
        return (self.redis.secret_named("url").text or None) if self.redis else None

    @property
    def writes_url(self) -> str | None:
        """Where what becomes of each write is kept for all processes; None: nowhere."""
        return (self.redis.secret_named("writes_url").text or None) if self.redis else None

    @property
    def shared_address(self) -> Secret | None:
        """That of `shared_url`, as it is now, for as long as something runs."""
        return self.redis.secret_named("url") if self.redis and self.shared_url else None

    @property
    def writes_address(self) -> Secret | None:
        """That of `writes_url`, likewise."""
        return self.redis.secret_named("writes_url") if self.redis and self.writes_url else None

    @property
    def keeps_writes_in_process(self) -> bool:
        """Whether what becomes of each write is known to one process only."""
        return self.writes.enabled and not self.writes_url

    @property
    def signs_in_process(self) -> bool:
        """Whether each process signs addresses with a key of its own."""
        return self.files.signed_for > 0 and not self.files.has_key and not self.shared_url

    @property
    def shows_counts(self) -> bool:
        """Whether somebody can look at what is counted: Prometheus, or a person at /status."""
        return self.server.shows_metrics or self.portal.is_served

    @property
    def tells_in_process(self) -> bool:
        """Whether each process tells its clients only what it heard itself."""
        return self.live.enabled and not self.shared_url

    @model_validator(mode="after")
    def _fits(self) -> Self:
        systems, workers = self.systems.by_domain, self.server.workers
        found = [
            *_not_referred_to(systems),
            *writes_settings.wrong(self.writes, systems, writes_url=self.writes_url, workers=workers),
            *live_sources.wrong(self.live, systems),
            *cache_settings.wrong(self.cache, systems, redis_url=self.shared_url),
            *live_settings.wrong(self.live, redis_url=self.shared_url, workers=workers),
            *files_settings.wrong(self.files, systems, redis_url=self.shared_url, workers=workers),
            *scope_settings.wrong(self.scopes, self.auth),
            *documents_settings.wrong(self.documents),
        ]
        if found:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [
                    InitErrorDetails(type="value_error", loc=place, input=None, ctx={"error": ValueError(text)})
                    for place, text in found
                ],
            )
        return self
