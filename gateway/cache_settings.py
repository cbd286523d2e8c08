"""`[cache]`: of which types rows outlive a request, and for how long."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from connectors import DOMAINS, Domain, served_by
from connectors.settings import System
from connectors.sharing.kept_types import Keeping
from connectors.strict import Strict
from gateway.writes_settings import Wrong


class KeepingSettings(Strict):
    """How long rows of one type are kept."""

    seconds: Annotated[float, Field(ge=1, le=3600, description="Seconds for which a row is taken for current.")]
    stale: Annotated[
        float,
        Field(
            ge=0,
            le=86_400,
            description="Seconds more for which it is shown, and said to be old, while its system is down.",
        ),
    ] = 0.0


def _as_table(given: Any) -> Any:
    return {"seconds": given} if isinstance(given, int | float | str) and not isinstance(given, bool) else given


Kept = Annotated[KeepingSettings | None, BeforeValidator(_as_table)]


class _Cache(Strict):
    """`[cache]`: types of the systems, each with seconds. What is not named is asked for each time."""

    @property
    def keeping(self) -> dict[str, Keeping]:
        """The types that are named."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: Keeping(one.seconds, one.stale) for name, one in named.items() if one is not None}


def cache_model(domains: Mapping[str, Domain]) -> type[_Cache]:
    """The model with a key for each type of these domains whose rows can be kept."""
    fields: dict[str, Any] = {
        name: (Annotated[Kept, Field(description=f"Seconds for which {name} are kept, or {{ seconds, stale }}.")], None)
        for domain in domains.values()
        for name in domain.cached
    }
    return create_model("CacheSettings", __base__=_Cache, **fields)


if TYPE_CHECKING:
    CacheSettings = _Cache
else:
    CacheSettings = cache_model(DOMAINS)


def wrong(cache: _Cache, systems: Mapping[str, System], *, redis_url: str | None) -> list[Wrong]:
    """What does not fit together; nothing where nothing is kept."""
    return [] if not cache.keeping else list(_wrong(cache, systems, redis_url))


def _wrong(cache: _Cache, systems: Mapping[str, System], redis_url: str | None) -> Iterator[Wrong]:
    if redis_url is None:
        yield ("cache",), "rows are kept for all processes in Redis: set redis.url, or leave this section out"
    for name in cache.keeping:
        domain = next(one.name for one in DOMAINS.values() if name in one.cached)
        if domain not in served_by(systems):
            yield ("cache", name), f"there is no {domain} system that has any: leave it out"
