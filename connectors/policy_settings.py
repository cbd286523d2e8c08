"""`[systems.<domain>.policy]`: what the gateway does towards a system that is slow, failing or refusing."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from connectors.strict import Strict
from connectors.texts import HeaderName


class PolicySettings(Strict):
    """The rules for each operation of one system, such as `billing.bills`. Each process keeps count for itself."""

    retries: Annotated[int, Field(ge=0, le=5, description="Times that a failed read is sent again, at most.")] = 1
    retry_share: Annotated[
        float, Field(ge=0, le=0.1, description="Repeated calls, as a share of all calls of the operation.")
    ] = 0.03
    backoff: Annotated[
        float, Field(ge=0, le=10, description="Longest pause before the first repetition, in seconds; then twice that.")
    ] = 0.05
    breaker: Annotated[bool, Field(description="Whether an operation that fails is left in peace for a while.")] = True
    window: Annotated[int, Field(ge=5, le=10_000, description="Calls that it is judged by: the last so many.")] = 50
    least_calls: Annotated[int, Field(ge=1, description="Calls in the window before it is judged.")] = 20
    failure_rate: Annotated[
        float, Field(gt=0, le=1, description="Share of failed calls from which on it is left in peace.")
    ] = 0.5
    slow: Annotated[
        float | None,
        Field(
            gt=0,
            description="Seconds from which on a call counts as slow; by default 0.8 of the system's timeout, or of the"
            " request's deadline, whichever is shorter.",
        ),
    ] = None
    slow_rate: Annotated[
        float, Field(gt=0, le=1, description="Share of slow calls from which on it is left in peace.")
    ] = 0.9
    open_for: Annotated[
        float, Field(gt=0, le=60, description="Seconds for which it is left in peace at first; then twice that.")
    ] = 1.0
    open_longest: Annotated[float, Field(gt=0, le=300, description="The most that these seconds become.")] = 5.0
    probes: Annotated[int, Field(ge=1, le=100, description="Calls that then try whether it is well.")] = 3
    adapts: Annotated[
        bool, Field(description="Whether fewer calls than `concurrency` are under way while the system is slower.")
    ] = True
    queue: Annotated[
        int, Field(ge=0, le=1_000_000, description="Most calls of an operation that wait for a place.")
    ] = 1000
    hedge: Annotated[
        bool, Field(description="Whether a read that takes longer than 95 % of them is asked a second time beside.")
    ] = False
    hedge_share: Annotated[
        float, Field(ge=0, le=0.1, description="These second calls, as a share of all calls of the operation.")
    ] = 0.02
    deadline_header: Annotated[
        HeaderName | None,
        Field(description="Header in which the system is told how many milliseconds are left for its answer."),
    ] = None

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if self.least_calls > self.window:
            raise ValueError(f"least_calls = {self.least_calls} should not be more than window = {self.window}")
        if self.open_longest < self.open_for:
            raise ValueError(f"open_longest = {self.open_longest:g} should be at least open_for = {self.open_for:g}")
        return self
