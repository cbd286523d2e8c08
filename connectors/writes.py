"""Values of writes that several domains share."""

from typing import Final, NewType

import msgspec

WriteKey = NewType("WriteKey", str)
"""Names one write for ever, and goes to the system where that has a place for it: 32 letters and digits.

It is made of the caller, the mutation and the key that the client sent, so that it is nobody else's.
"""

UNCHANGED: Final = msgspec.UNSET
"""In a record of changes: this attribute is left as it is. None removes it."""

Change = str | None | msgspec.UnsetType
"""A new value of a text; `UNCHANGED` or None."""
