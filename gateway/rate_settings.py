"""`[rates]`: what each caller may cost in a second."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from connectors.store.rates import Rate
from connectors.strict import Strict


class CallerRate(Strict):
    """What one caller of a kind may spend: a request costs 100, and what its operation is estimated to cost."""

    per_second: Annotated[
        float, Field(ge=0, description="What a caller may spend in a second; 0: as much as it likes.")
    ]
    burst: Annotated[float, Field(ge=0, description="What it may spend at once.")]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.per_second and self.burst < self.per_second:
            raise ValueError("burst must be at least per_second")
        return self

    @property
    def rate(self) -> Rate | None:
        """The rate, or None for no limit."""
        return Rate(self.per_second, self.burst) if self.per_second else None


class RateSettings(Strict):
    """`[rates]`: by kind of caller. docs/limits.md says more."""

    anonymous: Annotated[CallerRate, Field(description="An address without a token, or with one that is refused.")] = (
        CallerRate(per_second=5_000, burst=100_000)
    )
    subscriber: Annotated[CallerRate, Field(description="A subscriber.")] = CallerRate(per_second=20_000, burst=600_000)
    agent: Annotated[CallerRate, Field(description="An agent.")] = CallerRate(per_second=100_000, burst=2_000_000)
    admin: Annotated[CallerRate, Field(description="An admin.")] = CallerRate(per_second=200_000, burst=4_000_000)
