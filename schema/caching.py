"""What is the same for every signed-in caller, and for how long it may be kept: directives at fields.

A field with an own life (`shared`) begins what is shared; below it leaves belong to it, and other fields only if they
say so (`inherited`). All else is somebody's own. `gateway.http.caching` obeys, and fails closed.
"""

from typing import Any, Final

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    name="cacheControl",
    locations=[Location.FIELD_DEFINITION],
    description="That what is below the field is the same for every signed-in caller, and may be kept for `maxAge`"
    " seconds, or with `inheritMaxAge` for as long as the field above. Answers of persisted documents that select such"
    " fields only can be cached; nothing else may be. The names are those of Apollo's directive.",
)
class CacheControl:
    """`@cacheControl`; what is UNSET is not printed."""

    max_age: int | None = strawberry.UNSET
    inherit_max_age: bool | None = strawberry.UNSET


def shared(seconds: int) -> Any:
    """For a field whose records every signed-in caller may see alike, as in ``directives=[shared(10)]``."""
    return CacheControl(max_age=seconds)


inherited: Final[Any] = CacheControl(inherit_max_age=True)
"""For a field whose objects belong to the one above, such as the rows of a page."""
