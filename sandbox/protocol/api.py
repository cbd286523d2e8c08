"""Answers TM Forum requests to one system: lists, single rows, writes, tasks, subscriptions and files."""

from collections import OrderedDict
from collections.abc import Iterable
from random import Random
from urllib.parse import urlsplit

from sandbox.data import documents, shapes, ticketing, usage
from sandbox.data.shapes import Row
from sandbox.data.world import World
from sandbox.protocol import deviations, version5
from sandbox.protocol.answers import Answer, Refused, to_json
from sandbox.protocol.bodies import entries, read
from sandbox.protocol.collection import of_customer
from sandbox.protocol.dialect import parse_query
from sandbox.protocol.hub import Hub
from sandbox.protocol.paging import Page
from sandbox.protocol.query import BadQuery, Query
from sandbox.protocol.selection import projection, sorted_rows
from sandbox.protocol.switches import Switches
from sandbox.protocol.systems import REPORT, Resource, SystemName, resources_of
from sandbox.protocol.writes import Change, Writer, body_of

_TASKS_KEPT = 1000
_SHAPES_KEPT = 20_000
_BY_ID = ((), (("id", False),), (("id", True),))


class Api:
    """The TM Forum side of one system."""

    def __init__(self, system: SystemName, world: World) -> None:
        self.hub = Hub()
        self._system, self._world = system, world
        self._resources = {resource.path: resource for resource in resources_of(system)}
        if system == "billing":
            self._resources[REPORT.path] = REPORT
        self._rows = {path: resource.collection(world) for path, resource in self._resources.items()}
        self._writer = Writer(world, self._resources, self._rows)
        self._shapes: dict[int, tuple[Row, Row]] = {}
        self._tasks: OrderedDict[str, Row] = OrderedDict()
        self._task_number = 0
        self._chance = Random(world.seed)  # noqa: S311  # order of shuffled rows, not a secret

    def answer(self, method: str, path: str, query: str, body: bytes, switches: Switches, host: str) -> Answer:
        """Answer one request. Raises Refused where a TM Forum error is the answer."""
        path = path.rstrip("/")
        above, _, last = path.rpartition("/")
        served = self._served(switches)
        bases = {known.rpartition("/")[0] for known in served}
        try:
            if method in ("POST", "PATCH") and _read_only(served.get(path) or served.get(above), switches):
                raise Refused(405, f"{method} is not allowed here; GET is")
            if path in served:
                if served[path] == shapes.USAGE:
                    return self._usage(method, "", query, body, switches, host)
                resource = self._resources[served[path]]
                if method == "GET":
                    return self._list(resource, query, switches, host)
                if method == "POST":
                    return self._create(resource, body, switches, host)
                raise Refused(405, f"{method} is not allowed on a list")
            if above in served:
                if served[above] == shapes.USAGE:
                    return self._usage(method, last, query, body, switches, host)
                return self._one(self._resources[served[above]], last, method, query, body, switches, host)
            if last == "hub" and above in bases:
                return self._subscribe(above, method, body, switches)
            if above.endswith("/hub") and above.removesuffix("/hub") in bases:
                return self._unsubscribe(above.removesuffix("/hub"), method, last)
            if method == "GET" and (file := self._file(path)):
                return file
        except BadQuery as problem:
            raise Refused(400, str(problem)) from problem
        except NotImplementedError as problem:
            raise Refused(501, str(problem)) from problem
        raise Refused(404, f"there is nothing at {path}; this is {self._system}")

    def rewrite(self, path: str, ident: str, changes: Row) -> None:
        """Set a row's attributes without a request's checks and without an event. Raises KeyError if there is none."""
        if (row := self._rows[path].get(ident)) is None:
            raise KeyError(ident)
        self._rows[path].put(row | changes)

    def begin_outage(self, cabinet: int, switches: Switches, host: str) -> Answer:
        """Begin an outage of a cabinet, with its event: 201 with the service problem."""
        body = ticketing.new_problem(self._world, cabinet)
        row, changes = self._writer.create(self._resources[shapes.PROBLEM], body, switches)
        self._publish(changes, switches, host)
        return Answer(201, to_json(row))

    def end_outage(self, ident: str, switches: Switches, host: str) -> Answer:
        """End an outage, with its events. Raises Refused (404)."""
        row = self._rows[shapes.PROBLEM].get(ident)
        if row is None:
            raise Refused(404, f"there is no outage {ident}")
        resource, over = self._resources[shapes.PROBLEM], {"status": "resolved", "statusChangeReason": "Repaired"}
        row, changes = self._writer.change(resource, row, over, switches)
        self._publish(changes, switches, host)
        return Answer(200, to_json(row))

    def _served(self, switches: Switches) -> dict[str, str]:
        """Return the paths of this installation, each with the v4 path of its resource."""
        known = [path for path in self._resources if path != REPORT.path or switches.version == "v5"]
        if self._system == "billing":
            known.append(shapes.USAGE)
        return {served_path(path, switches): path for path in known}

    def _list(self, resource: Resource, raw: str, switches: Switches, host: str) -> Answer:
        query, rows = parse_query(raw, resource.name, switches), self._rows[resource.path]
        default, most = switches.resource_limits.get(resource.name, (switches.default_limit, switches.max_limit))
        if query.limit is not None and switches.refused_limit and query.limit > switches.refused_limit:
            raise Refused(422, f"limit must not be above {switches.refused_limit}")
        limit = min(query.limit if query.limit is not None else default, most)
        offset = query.offset * limit if switches.offset_is_page else query.offset
        if not query.groups and query.sort in _BY_ID and not rows.is_late:
            matching = rows.total()
            if switches.no_paging:
                offset, limit = 0, matching
            page = self._shaped(resource.path, rows.window(offset, limit, backwards=query.sort == _BY_ID[2]), switches)
        else:
            found = self._matching(resource.path, query, switches)
            if query.sort:
                found = sorted_rows(found, query.sort)
            matching = len(found)
            if switches.no_paging:
                offset, limit = 0, matching
            page = found[offset : offset + limit]
        if not page and switches.not_found_when_empty:
            raise Refused(404, f"no {resource.name} found")
        if switches.unfiltered_total:
            matching = rows.total()
        total = None if switches.no_total or switches.no_paging else matching
        if total is not None and switches.low_total:
            total = min(total, switches.low_total)
        if total is not None:
            total = max(total, switches.high_total)
        paging = Page(
            served_path(resource.path, switches),
            query.others,
            offset,
            limit,
            len(page),
            total,
            matching,
            no_headers=switches.no_page_headers,
            bad_links=switches.bad_links,
        )
        shown = self._shown(deviations.reordered(page, switches, self._chance), query, switches, host)
        body = deviations.with_broken_texts(to_json({resource.name: shown} if switches.wrap_list else shown))
        return Answer(paging.status, body, headers=paging.headers())

    def _shaped(self, path: str, rows: Iterable[Row], switches: Switches) -> list[Row]:
        """Return the rows in the shape of the API's version. Converted rows are cached, because rows never change."""
        if keys := switches.customer_keys:
            named = [keys.row_of(row, self._party_type) for row in rows]
            return [version5.row_of(path, row) for row in named] if switches.version == "v5" else named
        if switches.version == "v4":
            return list(rows)
        found = []
        for row in rows:
            kept = self._shapes.get(id(row))
            if kept is None or kept[0] is not row:
                if len(self._shapes) >= _SHAPES_KEPT:
                    self._shapes.clear()
                kept = self._shapes[id(row)] = (row, version5.row_of(path, row))
            found.append(kept[1])
        return found

    def _party_type(self, number: str) -> str:
        return "Organization" if self._world.subscriber(int(number)).is_organization else "Individual"

    def _matching(self, path: str, query: Query, switches: Switches) -> list[Row]:
        """Return the rows that meet the query, in the shape of the API's version."""
        if not _can_match(query, switches):
            return []
        narrow = version5.with_v4_paths(query) if switches.version == "v5" else query
        if keys := switches.customer_keys:
            narrow = keys.with_numbers(narrow)
        return [row for row in self._shaped(path, self._rows[path].candidates(narrow), switches) if query.holds(row)]

    def _shown(self, rows: list[Row], query: Query, switches: Switches, host: str) -> list[Row]:
        rows = list(map(projection(query.fields), rows))
        if deviations.changes_rows(switches):
            return [deviations.deviating_row(row, switches, host) for row in rows]
        return rows

    def _one(
        self, resource: Resource, ident: str, method: str, raw: str, body: bytes, switches: Switches, host: str
    ) -> Answer:
        rows = self._rows[resource.path]
        row = rows.seen(ident) if method == "GET" else rows.get(ident)
        if row is None:
            raise Refused(404, f"{resource.name} {ident} does not exist")
        query = parse_query(raw, resource.name, switches)
        if method == "PATCH":
            patch = read(resource.path, body, switches, changes=True)
            row, changes = self._writer.change(resource, row, patch, switches)
            self._publish(changes, switches, host)
        elif method != "GET":
            raise Refused(405, f"{method} is not allowed on {resource.name}; GET and PATCH may be")
        status = 202 if method == "PATCH" and switches.accept_writes else 200
        shown = self._shown(self._shaped(resource.path, [row], switches), query, switches, host)[0]
        return Answer(status, deviations.with_broken_texts(to_json(shown)))

    def _create(self, resource: Resource, body: bytes, switches: Switches, host: str) -> Answer:
        row, changes = self._writer.create(resource, read(resource.path, body, switches), switches)
        self._publish(changes, switches, host)
        shown = self._shown(self._shaped(resource.path, [row], switches), Query(), switches, host)[0]
        status = 202 if switches.accept_writes else 201
        return Answer(status, to_json(shown), headers=[(b"location", shown["href"].encode())])

    def _publish(self, changes: list[Change], switches: Switches, host: str) -> None:
        def shown(event: Row) -> Row:
            event = version5.event_of(event) if switches.version == "v5" else event
            return deviations.deviating_row(event, switches, host)

        for resource, event_type, row in changes:
            base, name = served_path(resource.path, switches).rpartition("/")[0], resource.name
            (sent,) = self._shaped(resource.path, [row], switches)
            self.hub.publish(base, event_type, name, sent, self._world.now(), shown, switches)

    def _subscribe(self, base: str, method: str, raw: bytes, switches: Switches) -> Answer:
        if method != "POST":
            raise Refused(405, f"{method} is not allowed on a hub; POST is")
        body = body_of(raw)
        callback = body.get("callback")
        if not isinstance(callback, str) or urlsplit(callback).scheme not in ("http", "https"):
            raise Refused(400, f"callback is {callback!r}; it must be an http or https address")
        found = self.hub.subscribe(base, callback, str(body.get("query") or ""), switches)
        return Answer(201, to_json(found.document()), headers=[(b"location", f"{base}/hub/{found.id}".encode())])

    def _unsubscribe(self, base: str, method: str, ident: str) -> Answer:
        if method != "DELETE":
            raise Refused(405, f"{method} is not allowed on a subscription; DELETE is")
        if not self.hub.unsubscribe(base, ident):
            raise Refused(404, f"subscription {ident} does not exist")
        return Answer(204)

    def _usage(self, method: str, ident: str, raw: str, body: bytes, switches: Switches, host: str) -> Answer:
        """Answer a request for a TMF677 task, which is done at once."""
        query = parse_query(raw, "queryUsageConsumption", switches)
        if method == "POST" and not ident:
            task = self._usage_task(read(shapes.USAGE, body, switches), switches)
            shown = self._shown(self._shaped(shapes.USAGE, [task], switches), query, switches, host)[0]
            return Answer(201, to_json(shown), headers=[(b"location", shown["href"].encode())])
        if method == "GET" and not ident:
            tasks = self._shaped(shapes.USAGE, self._tasks.values(), switches)
            return Answer(200, to_json(self._shown(tasks, query, switches, host)))
        if ident not in self._tasks:
            raise Refused(404, f"queryUsageConsumption {ident} does not exist")
        if method == "DELETE":
            del self._tasks[ident]
            return Answer(204)
        if method != "GET":
            raise Refused(405, f"{method} is not allowed here; GET and DELETE are")
        tasks = self._shaped(shapes.USAGE, [self._tasks[ident]], switches)
        return Answer(200, to_json(self._shown(tasks, query, switches, host)[0]))

    def _usage_task(self, body: Row, switches: Switches) -> Row:
        criteria = body.get("searchCriteria")
        if not isinstance(criteria, dict):
            raise Refused(400, "queryUsageConsumption needs searchCriteria, an object")
        wanted = {
            name: ids
            for name in ("relatedParty", "partyAccount", "product", "service", "logicalResource")
            if (ids := [str(e.get("id")) for e in entries(criteria, name) + entries(body, name)])
        }
        if not wanted:
            known = "relatedParty, partyAccount, product, service or logicalResource"
            raise Refused(400, f"searchCriteria must name {known} with their id")
        if "relatedParty" in wanted and (keys := switches.customer_keys):
            wanted["relatedParty"] = list(map(keys.read, wanted["relatedParty"]))
        shards = dict.fromkeys(s for ids in wanted.values() for ident in ids for s in of_customer(self._world, ident))
        rows = [row for _, number in shards for row in self._world.rows(usage.consumptions, number).values()]
        self._task_number += 1
        ident = f"QUC-{self._task_number}"
        task: Row = {
            "id": ident,
            "href": f"{shapes.USAGE}/{ident}",
            "queryUsageConsumptionDate": shapes.stamp(self._world.now()),
            "searchCriteria": criteria,
            **{name: body[name] for name in ("relatedParty", "partyAccount") if name in body},
            "usageConsumption": [
                row | ({"state": switches.usage_state} if switches.usage_state else {})
                for row in rows
                if all(any(e["id"] in ids for e in row[name]) for name, ids in wanted.items())
            ],
            "@type": "QueryUsageConsumption",
        }
        self._tasks[ident] = task
        if len(self._tasks) > _TASKS_KEPT:
            self._tasks.popitem(last=False)
        return task

    def _file(self, path: str) -> Answer | None:
        folder, _, name = path.rpartition("/")
        if folder == "/documents" and self._system == "billing" and name.endswith(".pdf"):
            bill = self._rows[shapes.BILL].get(name.removesuffix(".pdf"))
            if bill is not None:
                due = bill["amountDue"]
                lines = [f"Customer {bill['relatedParty'][0]['id']}", f"Amount due {due['value']} {due['unit']}"]
                return Answer(200, documents.bill_pdf(bill["billNo"], lines), b"application/pdf")
        if folder == "/attachments" and self._system == "ticketing":
            ticket = self._rows[shapes.TICKET].get(name.rpartition("-")[0])
            entries: list[Row] = ticket.get("attachment", []) if ticket else []
            if any(entry.get("url") == path for entry in entries):
                return Answer(200, documents.lights_png(), b"image/png")
        return None


def served_path(path: str, switches: Switches) -> str:
    """Return where an installation with these switches has the resource whose v4 path is `path`."""
    name = path.rpartition("/")[2]
    if name in switches.paths:
        return switches.paths[name]
    return version5.PATHS.get(path, path) if switches.version == "v5" else path


def _read_only(path: str | None, switches: Switches) -> bool:
    """Return whether the resource at this v4 path may only be read; False for None."""
    return path is not None and path.rpartition("/")[2] in switches.read_only


def _can_match(query: Query, switches: Switches) -> bool:
    """Return False where a condition goes through supportingService and only references are kept there."""
    shown = ("supportingService.id", "supportingService.href", "supportingService.name")
    return not switches.supporting_service_by_reference or all(
        any(not c.path.startswith("supportingService.") or c.path in shown for c in group) for group in query.groups
    )
