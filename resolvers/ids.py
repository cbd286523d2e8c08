"""Global ids: `Customer:1001`, type, colon, the upstream's own id, which may itself contain colons."""

from typing import Final

from resolvers.errors import BadInput

NODE_TYPES: Final = frozenset(
    {"Customer", "BillingAccount", "Bill", "Payment", "Product", "Service", "Resource", "Site", "Ticket", "Outage"}
)


def global_id(type_name: str, key: str) -> str:
    """The id that clients see."""
    return f"{type_name}:{key}"


def local_id(type_name: str, given: str) -> str:
    """The upstream's id for an argument of a known type, which may come with or without the type in front.

    Another type's id is a mistake that is worth a sentence. Raises `BadInput`.
    """
    head, colon, rest = given.partition(":")
    if colon and head in NODE_TYPES:
        if head != type_name:
            raise BadInput(f"id is {given!r}, a {head}: here a {type_name} is asked for.")
        given = rest
    if not given:
        raise BadInput(f"id is empty: a {type_name} is asked for, such as {type_name}:1001.")
    return given


def split_id(given: str) -> tuple[str, str]:
    """Type and upstream id of a global id. Raises `BadInput`."""
    head, colon, rest = given.partition(":")
    if not colon or not rest or head not in NODE_TYPES:
        raise BadInput(f"id is {given!r}: a global id looks like Customer:1001.")
    return head, rest


def typed(text: str) -> tuple[str | None, str]:
    """What somebody searches for: its type where it is a global id (else None), and the rest without blanks."""
    text = text.strip()
    head, colon, rest = text.partition(":")
    return (head, rest) if colon and rest and head in NODE_TYPES else (None, text)
