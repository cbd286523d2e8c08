"""Contact data in CRMs that speak TM Forum v4 or v5 (TMF629): the medium that is read is the one that is written."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.crm.port import ContactChange
from connectors.crm.tmf.rows import ContactMediumRow
from connectors.errors import Declined, Garbled, NotSupported, Reason
from connectors.http.client import HttpClient
from connectors.tmf.profile import Profile
from connectors.tmf.writes import Body, ResourceWriter
from connectors.writes import UNCHANGED, Change, WriteKey

_WORD_FOR_WORD: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KINDS: Final = {
    "email": ("emailAddress", "email", "EmailContactMedium"),
    "phone": ("phoneNumber", "telephoneNumber", "PhoneContactMedium"),
}
"""By the record's attribute: where a medium keeps it, v4's mediumType, and v5's @type."""
_ADDRESSES: Final = frozenset(
    {"emailAddress", "phoneNumber", "faxNumber", "socialNetworkId", "street1", "street2", "city", "postCode", "country"}
)
"""What a medium without any of these leads to nobody by."""


class _CustomerRow(msgspec.Struct, rename="camel", gc=False):
    """What is looked at of a customer before and after it is changed; all of it is written back as it came."""

    name: msgspec.Raw = msgspec.Raw(b"")
    engaged_party: msgspec.Raw = msgspec.Raw(b"")
    contact_medium: list[msgspec.Raw] | None = None


class ContactWrites:
    """The part of the CRM port that writes, over TM Forum v4 and v5."""

    def __init__(self, http: HttpClient, profile: Profile, path: str) -> None:
        """`path` is where the version has its customers."""
        self._system, self._writer = http.name, ResourceWriter(http, profile, path, "Customer")

    def lacking(self) -> dict[str, str]:
        """What this installation's profile says cannot be written, and why."""
        return {"update_contact": why} if (why := self._writer.read_only) else {}

    async def update_contact(self, change: ContactChange, key: WriteKey) -> None:
        """A merge patch replaces all media, so that all are written: the other ones word for word as they came.

        Removing leaves further media of the kind, so that the next one is read then.
        """
        if why := self._writer.read_only:
            raise NotSupported(self._system, why)
        wanted = {name: to for name in _KINDS if (to := getattr(change, name)) is not UNCHANGED}
        if not wanted:
            return
        if empty := next((name for name, to in wanted.items() if to == ""), None):
            raise Declined(self._system, "an empty text reaches nobody", Reason.INVALID, attribute=empty)
        before = await self._writer.existing(change.customer_id, "customer_id", _CustomerRow)
        media = list(before.row.contact_medium or ())
        for name, to in wanted.items():
            media = self._changed(media, name, to)
        if media == (before.row.contact_medium or []):
            return
        body: Body = {"contactMedium": media}
        # v4 says that a PATCH needs engagedParty, v5 that it needs name, too.
        if self._writer.is_v5 and bytes(before.row.name):
            body["name"] = before.row.name
        if bytes(before.row.engaged_party):
            body["engagedParty"] = before.row.engaged_party
        said = {at: name for name, (at, *_) in _KINDS.items() if name in wanted} | {name: name for name in wanted}
        after, _ = await self._writer.change(
            (change.customer_id, "customer_id"),
            body,
            key,
            _CustomerRow,
            said,
            tells=lambda row: row.contact_medium is not None,
            etag=before.etag,
        )
        for name in wanted:
            if _read(after.contact_medium or (), name) != _read(media, name):
                raise Garbled(self._system, f"the customer came back with another {name} than was written")

    def _changed(self, media: list[msgspec.Raw], name: str, to: Change) -> list[msgspec.Raw]:
        """The media with another address or number in the one that is read, or in a new one; without it for None."""
        at = _place(media, name)
        if at is None:
            return media if to is None else [*media, _encoded(self._made(name, to))]
        attribute = _KINDS[name][0]
        medium = _WORD_FOR_WORD.decode(media[at])
        is_v4 = bytes(medium.get("characteristic", b"")).startswith(b"{")
        within = _WORD_FOR_WORD.decode(medium["characteristic"]) if is_v4 else medium
        if attribute in within and msgspec.json.decode(within[attribute]) == to:
            return media
        if to is not None:
            within[attribute] = _encoded(to)
        else:
            del within[attribute]
            if _ADDRESSES.isdisjoint(within):
                return [one for place, one in enumerate(media) if place != at]
        if is_v4:
            medium["characteristic"] = _encoded(within)
        return [_encoded(medium) if place == at else one for place, one in enumerate(media)]

    def _made(self, name: str, to: Change) -> Body:
        attribute, v4, v5 = _KINDS[name]
        if self._writer.is_v5:
            return {"@type": v5, attribute: to}
        return {"mediumType": v4, "characteristic": {attribute: to}}


def _encoded(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


_MEDIUM: Final = msgspec.json.Decoder(ContactMediumRow)


def _place(media: Sequence[msgspec.Raw], name: str) -> int | None:
    """Where the medium is that is read as the customer's e-mail address or phone number: the first preferred one."""
    rows = [(place, _MEDIUM.decode(one)) for place, one in enumerate(media)]
    own = [(not row.preferred, place) for place, row in rows if _value(row, name)]
    return min(own)[1] if own else None


def _read(media: Sequence[msgspec.Raw], name: str) -> str | None:
    place = _place(media, name)
    return None if place is None else _value(_MEDIUM.decode(media[place]), name)


def _value(row: ContactMediumRow, name: str) -> str | None:
    return row.value.email_address if name == "email" else row.value.phone_number
