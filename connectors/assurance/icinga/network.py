"""Which hosts are down, which of them only because another one is, and which services are on them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from connectors.assurance.icinga.client import HOST, IcingaApi, Question
from connectors.assurance.icinga.records import Records
from connectors.assurance.icinga.rows import HostOutage, ObjectRow, attributes
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Unreadable
from connectors.records import Fields

IS_DOWN: Final = "(host.problem && host.state_type == 1) || host.flapping"

_DEEPEST: Final = 10
"""Hosts one behind the other."""

_TOGETHER: Final = 600.0
"""Seconds between the last checks of hosts that were down together."""

_LINKS: Final = ("parent_host_name", "child_host_name")


@dataclass(frozen=True)
class Network:
    """Hosts by name, those that are behind each, and the services on each. `unreadable`: rows that may be any of it."""

    hosts: Mapping[str, ObjectRow]
    behind: Mapping[str, Sequence[str]]
    services: Mapping[str, Sequence[ObjectRow]]
    unreadable: Sequence[Unreadable]

    def outage(self, name: str) -> HostOutage:
        """The outage of a host, with everything behind it."""
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
            found += dict.fromkeys(new)
            seen.update(new)
        return found


class Networks:
    """Reads them. `keys` are those that the port was asked for, which the trace shows."""

    def __init__(self, api: IcingaApi, records: Records) -> None:
        self._api, self._records = api, records

    async def down(self, fields: Fields | None, keys: Sequence[str] = ()) -> Network:
        """All hosts that are down now: one call, and two more if there are any. Raises `ConnectorError`."""
        question = Question("hosts", IS_DOWN, {}, attributes("hosts", fields))
        page = await self._api.objects(question, keys)
        down = [row for row in page.rows if self._records.is_open(row)]
        return await self._around(down, page.unreadable, fields, keys)

    async def of_ended(self, hosts: Sequence[ObjectRow], fields: Fields | None, keys: Sequence[str] = ()) -> Network:
        """Hosts that were down, and those that were down behind them at that time. Raises `ConnectorError`."""
        known = {str(one.id): one for one in hosts}
        began = min((row.attrs.last_state_down or 0 for row in hosts), default=0) - _TOGETHER
        level, unreadable = list(known), list[Unreadable]()
        for _ in range(_DEEPEST if level else 0):
            links = await self._api.objects(
                Question("dependencies", "dependency.parent_host_name in n", {"n": level}, _LINKS), keys
            )
            children = {str(one.attrs.child_host_name) for one in links.rows} - known.keys()
            if not children:
                break
            names = sorted(children)
            asked = attributes("hosts", fields)
            page = await self._api.objects(Question("hosts", "host.name in n", {"n": names}, asked), keys)
            down = [row for row in page.rows if (row.attrs.last_state_down or 0) >= began]
            unreadable += page.unreadable
            known |= {str(row.id): row for row in down}
            level = [str(row.id) for row in down]
            if not level:
                break
        return await self._around(list(known.values()), unreadable, fields, keys)

    async def _around(
        self,
        hosts: Sequence[ObjectRow],
        unreadable: Sequence[Unreadable],
        fields: Fields | None,
        keys: Sequence[str],
    ) -> Network:
        names = [str(one.id) for one in hosts]
        if not names:
            return Network({}, {}, {}, unreadable)
        needs_services = fields is None or not fields.isdisjoint(("service_ids",))
        among = "dependency.parent_host_name in n && dependency.child_host_name in n"
        questions = [Question("dependencies", among, {"n": names}, _LINKS)]
        if needs_services:
            questions.append(Question("services", "host.name in n", {"n": names}, ("vars", "host_name"), HOST))
        links, *found = await run_concurrently([self._api.objects(one, keys) for one in questions])
        behind, services = defaultdict[str, list[str]](list), defaultdict[str, list[ObjectRow]](list)
        for one in links.rows:
            if one.attrs.parent_host_name and one.attrs.child_host_name:
                behind[one.attrs.parent_host_name].append(one.attrs.child_host_name)
        for page in found:
            for one in page.rows:
                services[str(one.attrs.host_name)].append(one)
        lost = [row for page in (links, *found) for row in page.unreadable]
        return Network({str(one.id): one for one in hosts}, behind, services, [*unreadable, *lost])
