"""What an installation of TM Forum's APIs cannot give, as its profile says: known before anybody asks."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from connectors.tmf630 import Collection

Need: TypeAlias = tuple[Collection[Any], str]
"""A condition that a question is asked with, and the resource that has to understand it."""


def unsupported(
    questions: Mapping[str, Sequence[Need]], records: Mapping[type[Any], Collection[Any]]
) -> Mapping[str, str]:
    """What cannot be given, and why: methods of the port by what they need, ``Record.attribute`` by what never comes.

    `records` are the port's records, with the resource that each is made of.
    """
    lacking = {
        method: reasons[0]
        for method, needs in questions.items()
        if (reasons := [reason for collection, condition in needs if (reason := collection.lacks(condition))])
    }
    empty = {
        f"{record.__name__}.{field.name}": absent[field.name]
        for record, collection in records.items()
        if (absent := collection.never_filled())
        for field in dataclasses.fields(record)
        if field.name in absent
    }
    return lacking | empty
