"""Parses query strings by TMF630, without the features that the switches turn off."""

from dataclasses import replace
from typing import Final
from urllib.parse import unquote_plus

from sandbox.protocol import version5
from sandbox.protocol.query import BadQuery, Condition, Query, parse
from sandbox.protocol.switches import Switches

_V5: Final = {old: new for new, old in version5.FILTERS.items()}
_RESERVED: Final = ("limit", "fields", "offset", "sort")


def parse_query(raw: str, resource: str, switches: Switches) -> Query:
    """Parse the query string `raw` for the resource named `resource`.

    Raises BadQuery for an invalid query, and for a valid one that the switches refuse.
    """
    if switches.no_mixed_operators:
        filters = [part for part in raw.split("&") if part and not part.startswith(_RESERVED)]
        if len(filters) > 1 and any(";" in part for part in filters):
            raise BadQuery("combining & and ; in one query is not supported")
    if switches.drop_reserved_prefixes:
        raw = "&".join(part for part in raw.split("&") if not _looks_reserved(part))
    query = parse(
        raw,
        lists=not switches.no_id_lists,
        ignored=switches.ignore_parameters,
        suffixes=not switches.no_operator_suffixes,
        typed=switches.numeric_filters,
    )
    if switches.ignore_filters:
        query = replace(query, groups=())
    else:
        groups = (tuple(c for raw in group if (c := _understood(raw, resource, switches))) for group in query.groups)
        query = replace(query, groups=tuple(filter(None, groups)))
    if switches.no_sort:
        query = replace(query, sort=())
    return replace(query, fields=None) if switches.no_fields else query


def _looks_reserved(part: str) -> bool:
    name = unquote_plus(part.partition("=")[0])
    return name.startswith(_RESERVED) and name not in _RESERVED


def _understood(condition: Condition, resource: str, switches: Switches) -> Condition | None:
    """Return the condition with the attribute's own path; None if this installation ignores it."""
    names = switches.filter_names.get(resource, {})
    if switches.version == "v5":
        names = {name: _V5.get(path, path) for name, path in names.items()}
    known = switches.only_filters.get(resource, [condition.path])
    if condition.path not in known or condition.path in names.values():
        if switches.unknown_filters == "refused":
            raise BadQuery(f"{condition.path} is not a filter of {resource}")
        return None
    if condition.path == "id" and resource in switches.ignore_id_filter:
        return None
    return replace(condition, path=names.get(condition.path, condition.path))
