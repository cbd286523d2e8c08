"""What an installation of TM Forum's APIs cannot give, or not at once: its profile says so before anybody asks."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from connectors.records import Record, attributes
from connectors.tmf.collection import Collection

RequiredFilter: TypeAlias = tuple[Collection[Any], str]
"""A condition that a question is asked with, and the resource that has to understand it."""


def unsupported(
    questions: Mapping[str, Sequence[RequiredFilter]], records: Mapping[type[Record], Collection[Any]]
) -> Mapping[str, str]:
    """What cannot be given, and why: methods of the port by what they need, ``Record.attribute`` by what never comes.

    `records` are the port's records, with the resource that each is made of.
    """
    lacking = {
        method: reasons[0]
        for method, needs in questions.items()
        if (
            reasons := [
                reason for collection, condition in needs if (reason := collection.reason_unsupported(condition))
            ]
        )
    }
    empty = {
        f"{record.__name__}.{name}": absent[name]
        for record, collection in records.items()
        if (absent := collection.reasons_always_empty())
        for name in attributes(record)
        if name in absent
    }
    return lacking | empty


def one_by_one(
    questions: Mapping[str, Sequence[RequiredFilter]], by_id: Mapping[str, Collection[Any]]
) -> dict[str, str]:
    """Methods of the port that take a call for each key here, and why. `by_id` are those that ask for ids."""
    needs = {**questions, **{method: [(collection, "id")] for method, collection in by_id.items()}}
    return {
        method: reasons[0]
        for method, conditions in needs.items()
        if (reasons := [reason for collection, one in conditions if (reason := collection.reason_one_by_one(one))])
    }
