"""What one resource of an installation can be asked, by its profile, and why the rest cannot be."""

from collections.abc import Mapping, Sequence
from functools import cache

from connectors.errors import NotSupported
from connectors.tmf.mapping import Projection
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters, is_optional


class Askable:
    """The questions that one resource of a system takes. `profile` is the resource's own."""

    def __init__(self, system: str, resource: str, profile: Profile, projection: Projection) -> None:
        self._system, self._resource, self._profile, self._projection = system, resource, profile, projection
        self.understands = cache(profile.understands)

    def can_apply(self, filters: Filters) -> bool:
        """Whether all filters can be sent, so that the server's pages and totals respect them."""
        return all(self.can_ask(name, values) for name, values in filters)

    def can_ask(self, name: str, values: Sequence[str]) -> bool:
        """Whether this filter can be sent with these values."""
        return self.understands(name) and (len(values) == 1 or self._profile.id_list != "none")

    def sent_of(self, filters: Filters) -> Filters:
        """The filters that can be sent. The driver tests rows against the others."""
        return [
            (name, values)
            for name, values in filters
            if self.can_ask(name, values) or (self._profile.understands(name) and not is_optional(name))
        ]

    def reason_unsupported(self, condition: str) -> str | None:
        """Why this filter cannot be used; None if it can, is optional, or all rows may be read instead."""
        profile = self._profile
        if profile.exists and (self.understands(condition) or profile.read_everything or is_optional(condition)):
            return None
        return (
            self.reason_missing
            or f"This installation cannot filter {self._resource} by {condition.removesuffix('.regex')}."
        )

    def reason_one_by_one(self, condition: str) -> str | None:
        """Why this filter takes one call per key; None if one call takes many keys."""
        if condition == "id" and not self._profile.understands("id"):
            return f"This installation cannot filter {self._resource} by id: it is read one by one."
        if self._profile.id_list == "none" and self._profile.understands(condition):
            return f"This installation takes no lists of values: {self._resource} is asked for one by one."
        return None

    def require_filters(self, *conditions: str) -> None:
        """Raise `NotSupported` if the installation does not support one of the filters."""
        self.require_existence()
        for condition in conditions:
            if reason := self.reason_unsupported(condition):
                raise NotSupported(self._system, reason)

    @property
    def reason_missing(self) -> str | None:
        """Why nothing can be asked here; None if the installation has the resource."""
        return None if self._profile.exists else f"This installation has no API for {self._resource}."

    def require_existence(self) -> None:
        """Raise `NotSupported` if the installation does not have the resource."""
        if self.reason_missing:
            raise NotSupported(self._system, self.reason_missing)

    def reasons_always_empty(self) -> Mapping[str, str]:
        """Attributes of the record that never have a value in this installation, and why."""
        absent = frozenset(self._profile.absent)
        return {
            name: f"This installation never sends {' or '.join(sources)} with its {self._resource}."
            for name, sources in self._projection.sources.items()
            if absent.issuperset(sources)
        }
