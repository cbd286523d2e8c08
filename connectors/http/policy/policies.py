"""The policies of all operations of one system."""

import time
from collections.abc import Callable
from typing import Final

from connectors.http.policy.operation import OperationPolicy, OperationState
from connectors.http.policy.places import Places
from connectors.http.scope import Operation
from connectors.settings import System

OTHER: Final = "other"
"""The operation of calls that no method of a port makes: probes, registrations at hubs."""
DOCUMENTS: Final = "documents"
"""The operation of files that are passed on."""


class Policies:
    """One `OperationPolicy` for each operation that was ever asked for; they share the system's places."""

    def __init__(self, name: str, system: System, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._system, self._clock = name, system, clock
        fixed = system.policy.model_copy(update={"adapts": False, "hedge": False})
        self._fixed = system.model_copy(update={"policy": fixed})
        self._places = Places(system.concurrency)
        self._by_name: dict[str, OperationPolicy] = {}

    def of(self, operation: Operation | None) -> OperationPolicy:
        """The policy towards a port's method; with None, towards all calls that none makes."""
        name = OTHER if operation is None else operation.name
        return self._by_name.get(name) or self._new(name, self._system, self._places)

    def of_documents(self) -> OperationPolicy:
        """The policy towards files. They have places of their own, a fixed number: what takes long is their reader."""
        return self._by_name.get(DOCUMENTS) or self._new(DOCUMENTS, self._fixed, Places(self._system.concurrency))

    @property
    def states(self) -> list[OperationState]:
        """What there is to see of the operations that were asked for, by name."""
        return [self._by_name[name].state for name in sorted(self._by_name) if self._by_name[name].calls]

    def _new(self, name: str, system: System, places: Places) -> OperationPolicy:
        policy = self._by_name[name] = OperationPolicy(name, self._name, system, places, self._clock)
        return policy
