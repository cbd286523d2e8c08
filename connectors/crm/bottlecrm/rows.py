"""Rows of BottleCRM, decoded leniently: attributes may be missing, and numbers may stand in place of texts."""

from typing import Any, Final

import msgspec

from connectors.reading.rows import Identified
from connectors.reading.texts import same

_EXACT: Final = 2**53
"""From here on a float is not the number that was written."""


def text_of(value: object) -> str | None:
    """A text, or a whole number (also as 12.0) as text; None for an empty text or any other value."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    return (str(value) or None) if isinstance(value, (str, int)) and not isinstance(value, bool) else None


def equals_ignoring_case(value: object, text: str) -> bool:
    """Whether the value is this text, in any letter case and form of Unicode."""
    return same(text_of(value), text)


class Link(msgspec.Struct, gc=False):
    """A link from a contact to an account."""

    id: str


class Contact(Identified):
    """A person. `linked_accounts` and `account` are two independent lists of links to accounts."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | int | None = None
    phone_e164: str | None = None
    account: str | None = None
    linked_accounts: list[Link] | None = None

    def has_contact(self, contact: str) -> bool:
        """Whether this is exactly the person's e-mail address or phone number."""
        return any(equals_ignoring_case(one, contact) for one in (self.email, self.phone, self.phone_e164))

    def accounts(self) -> list[str]:
        """UUIDs of the accounts that the person is linked to."""
        return [link.id for link in self.linked_accounts or ()] + ([self.account] if self.account else [])


class Account(Identified):
    """A customer, if it has a customer number among its custom fields. `contacts` come only with a single account."""

    name: str | None = None
    email: str | None = None
    phone: str | int | None = None
    is_active: bool | None = None
    custom_fields: dict[str, Any] | None = None
    contacts: list[Contact] | None = None

    def has_contact(self, contact: str) -> bool:
        """Whether this is exactly the e-mail address or phone number of the account or of one of its contacts."""
        own = equals_ignoring_case(self.email, contact) or equals_ignoring_case(self.phone, contact)
        return own or any(person.has_contact(contact) for person in self.contacts or ())


class Hit(Identified):
    """A hit of the search. The subtitle of an account is its e-mail address, if it has one."""

    type: str
    subtitle: str | None = None
