"""What an installation of TM Forum's APIs does not support, or only with one call per key, according to its profile."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from connectors.records import Record, attributes
from connectors.tmf.collection import Collection

RequiredFilter: TypeAlias = tuple[Collection[Any], str]
"""A filter that a method of the port needs, and the resource that has to support it."""


def unsupported(
    questions: Mapping[str, Sequence[RequiredFilter]],
    records: Mapping[type[Record], Collection[Any]],
    others: Mapping[str, Collection[Any]],
) -> Mapping[str, str]:
    """Unsupported methods of the port, and attributes (``Record.attribute``) that never have a value, with reasons.

    `questions` are the filters that each method needs, `others` the resources of methods that need none; `records` map
    the port's records to their resources.
    """
    missing = {method: reason for method, collection in others.items() if (reason := collection.askable.reason_missing)}
    lacking = {
        method: reasons[0]
        for method, needs in questions.items()
        if (
            reasons := [
                reason
                for collection, condition in needs
                if (reason := collection.askable.reason_unsupported(condition))
            ]
        )
    }
    empty = {
        f"{record.__name__}.{name}": absent[name]
        for record, collection in records.items()
        if (absent := collection.askable.reasons_always_empty())
        for name in attributes(record)
        if name in absent
    }
    return missing | lacking | empty


def existing(*collections: Collection[Any]) -> Collection[Any]:
    """The first of these resources that the installation has; the first one if it has none of them."""
    return next((one for one in collections if one.profile.exists), collections[0])


def one_by_one(
    questions: Mapping[str, Sequence[RequiredFilter]], by_id: Mapping[str, Collection[Any]]
) -> dict[str, str]:
    """Methods of the port that take one call per key, and why. `by_id` are the methods whose keys are ids."""
    needs = {**questions, **{method: [(collection, "id")] for method, collection in by_id.items()}}
    return {
        method: reasons[0]
        for method, conditions in needs.items()
        if (
            reasons := [
                reason for collection, one in conditions if (reason := collection.askable.reason_one_by_one(one))
            ]
        )
    }
