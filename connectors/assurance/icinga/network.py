"""Which hosts are down, which of them only because another one is, and which services are on them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from connectors.assurance.icinga.client import HOST, IcingaApi, Question
from connectors.assurance.icinga.records import Records
from connectors.assurance.icinga.rows import HostOutage, ObjectRow, attributes
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Unreadable
from connectors.records import Fields

IS_DOWN: Final = "(host.problem && host.state_type == 1) || host.flapping"

_TOGETHER: Final = 600.0
"""Seconds by which outages of one cause may seem apart: Icinga keeps when a host was checked last."""

_WAS_DOWN: Final = (
    "host.last_state_down >= a && (host.last_state_down <= b || host.previous_state_change <= b"
    " || (host.state == 1 && host.last_state_change <= b))"
)
"""Hosts that may have been down between `a` and `b`."""

_LINKS: Final = ("parent_host_name", "child_host_name")


@dataclass(frozen=True)
class Network:
    """Hosts by name, those that are behind each, and the services on each. `unreadable`: rows that may be any of it.

    `down`: when a host was down, from and until (seconds since 1970); empty where all are down now.
    """

    hosts: Mapping[str, ObjectRow]
    behind: Mapping[str, Sequence[str]]
    services: Mapping[str, Sequence[ObjectRow]]
    unreadable: Sequence[Unreadable]
    down: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def outage(self, name: str) -> HostOutage:
        """The outage of a host, with everything behind it that was down at that time."""
        found = self._members(name)
        parts = [self.hosts[one] for one in found]
        services = [row for one in found for row in self.services.get(one, ())]
        return HostOutage(parts[0], parts[1:], services, name in self._children)

    @property
    def roots(self) -> list[str]:
        """Hosts that are behind no other one. Of hosts in a ring, the first."""
        found = [one for one in self.hosts if one not in self._children]
        covered = {member for one in found for member in self._members(one)}
        for one in self.hosts:
            if one not in covered:
                found.append(one)
                covered.update(self._members(one))
        return found

    @cached_property
    def _children(self) -> set[str]:
        return {child for parent, children in self.behind.items() if parent in self.hosts for child in children}

    def _members(self, name: str) -> list[str]:
        """A host, and those that are behind it, however many one behind the other."""
        found, seen = [name], {name}
        for one in found:
            new = [child for child in self.behind.get(one, ()) if child in self.hosts and child not in seen]
            seen.update(new)
            found += [child for child in dict.fromkeys(new) if self._are_together(name, child)]
        return found

    def _are_together(self, name: str, child: str) -> bool:
        """Whether one was down while the other was: the child may have had an outage of its own at another time."""
        if not self.down:
            return True
        (began, ended), (from_, until) = self.down[name], self.down[child]
        return from_ <= ended + _TOGETHER and until >= began - _TOGETHER


NOTHING_DOWN: Final = Network({}, {}, {}, ())


class Networks:
    """Reads them. `keys` are those that the port was asked for, which the trace shows."""

    def __init__(self, api: IcingaApi, records: Records) -> None:
        self._api, self._records = api, records

    async def down(self, fields: Fields | None, keys: Sequence[str] = ()) -> Network:
        """All hosts that are down now: one call, and two more if there are any, for each `max_keys` of them.

        Raises `ConnectorError`.
        """
        question = Question("hosts", IS_DOWN, {}, attributes("hosts", fields))
        page = await self._api.objects(question, keys)
        down = [row for row in page.rows if self._records.is_open(row)]
        return await self._around(down, page.unreadable, fields, keys)

    async def of_ended(self, hosts: Sequence[ObjectRow], fields: Fields | None, keys: Sequence[str] = ()) -> Network:
        """Hosts that were down, and all that were down at the same time, which may be behind them.

        As many calls as `down`; none for no hosts. Raises `ConnectorError`.
        """
        if not hosts:
            return NOTHING_DOWN
        times = [self._records.while_down(row) for row in hosts]
        values = {"a": min(began for began, _ in times) - _TOGETHER, "b": max(ended for _, ended in times) + _TOGETHER}
        page = await self._api.objects(Question("hosts", _WAS_DOWN, values, attributes("hosts", fields)), keys)
        known = {str(row.id): row for row in [*page.rows, *hosts]}
        network = await self._around(list(known.values()), page.unreadable, fields, keys)
        down = {name: self._records.while_down(row) for name, row in known.items()}
        return replace(network, down=down)

    async def _around(
        self,
        hosts: Sequence[ObjectRow],
        unreadable: Sequence[Unreadable],
        fields: Fields | None,
        keys: Sequence[str],
    ) -> Network:
        """What is behind these hosts and on them, each `max_keys` of them by a question of its own."""
        known = {str(one.id): one for one in hosts}
        behind, services = defaultdict[str, list[str]](list), defaultdict[str, list[ObjectRow]](list)
        needs_services = fields is None or not fields.isdisjoint(("service_ids",))
        asked = [_behind, *([_on] if needs_services else [])]
        parts = self._api.parts(known)
        pages = await run_concurrently([self._api.objects(ask(part), keys) for ask in asked for part in parts])
        for one in (row for page in pages for row in page.rows):
            if (parent := one.attrs.parent_host_name) is None:
                services[str(one.attrs.host_name)].append(one)
            elif (child := one.attrs.child_host_name) in known:
                behind[parent].append(child)
        lost = [row for page in pages for row in page.unreadable]
        return Network(known, behind, services, [*unreadable, *lost])


def _behind(names: Sequence[str]) -> Question:
    return Question("dependencies", "dependency.parent_host_name in n", {"n": names}, _LINKS)


def _on(names: Sequence[str]) -> Question:
    return Question("services", "host.name in n", {"n": names}, ("vars", "host_name"), HOST)
