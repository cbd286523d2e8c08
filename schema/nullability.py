"""Where null only ever means an error: a directive for clients that treat errors apart, as Relay can."""

from typing import Any, Final

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    name="semanticNonNull",
    locations=[Location.FIELD_DEFINITION],
    description="Null at these levels means that there is an error at its path: 0 is the field itself, 1 the entries of"
    " its list. Clients that handle errors before they look at data may take the value for one that is never null.",
)
class SemanticNonNull:
    """`@semanticNonNull`."""

    levels: list[int]


NULL_IS_AN_ERROR: Final[Any] = SemanticNonNull(levels=[0])
"""For a field that is null only together with an error at its path."""
