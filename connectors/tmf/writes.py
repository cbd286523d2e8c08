"""Writes to one resource of a TM Forum server: POST and PATCH, each sent once, and judged by what came back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, unquote, urlsplit

import msgspec

from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.nothing_sent import nothing_sent
from connectors.tmf.profile import PARTY_TYPES, Profile
from connectors.tmf.refusals import EXPECTED, Meaning, Sent, refusal
from connectors.tmf.shapes import folded
from connectors.writes import WriteKey

T = TypeVar("T")

Body = dict[str, Any]
"""A resource, or a part of one, as it is sent."""

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_PATCH_TYPES: Final = {"v4": "application/json", "v5": "application/merge-patch+json"}


class _Made(msgspec.Struct, gc=False):
    """What is looked at of a row that was created."""

    id: str | int | None = None
    href: str | None = None
    type: str | None = msgspec.field(name="@type", default=None)


class Existing(msgspec.Struct, Generic[T], frozen=True):
    """A row before it is changed. `etag`: what `If-Match` takes; None where the server sent none that it takes."""

    row: T
    etag: str | None = None


class ResourceWriter:
    """One resource of one TM Forum server, to be written to. `type` is what v5 calls it in @type."""

    def __init__(
        self, http: HttpClient, profile: Profile, path: str, kind: str, meanings: Sequence[Meaning] = ()
    ) -> None:
        self._http, self.profile = http, profile.for_resource(path)
        self.resource = path.rpartition("/")[2]
        self.path, self._kind, self._meanings = profile.path(path), kind, meanings
        self.is_v5 = "/v5/" in path

    @property
    def read_only(self) -> str | None:
        """Why nothing can be written here; None where it can."""
        if not self.profile.exists:
            return f"This installation has no API for {self.resource}."
        return f"This installation takes no writes to its {self.resource}." if self.profile.read_only else None

    async def existing(self, key: str, found_by: str, row: type[T]) -> Existing[T]:
        """The row that is to be changed, as it is now. Nothing is sent where this fails.

        Raises `Declined` where there is none: `found_by` is the record's attribute that named it.
        """
        self._need_writes()
        request = Request.get(self._address(key, found_by), [key], expected=(410,))

        def read(answer: Answer) -> Existing[T] | None:
            if answer.status in (404, 410):
                return None
            if answer.is_repaired:  # what is written back would be other than what is there
                raise Garbled(self._http.name, f"{request} answered with broken texts, which cannot be kept")
            tag = answer.headers.get("ETag", "")
            return Existing(msgspec.json.decode(answer.body, type=row), tag if tag.startswith('"') else None)

        with nothing_sent():
            found = await self._http.send(request, read)
        if found is None:
            raise Declined(self._http.name, f"{request}: there is no such row", Reason.NOT_FOUND, attribute=found_by)
        return found

    async def create(self, body: Body, key: WriteKey, said: Mapping[str, str]) -> tuple[str, bytes]:
        """Make a row: its id, and the answer's body. `said`: see `Sent`.

        Raises `Declined`, or a `ConnectorError` that says whether it may have happened.
        """
        self._need_writes()
        request = self._request("POST", self.path, body, key, {})
        sent = Sent(str(request), said, [one for one in body if one not in said], self._meanings)

        def read(answer: Answer) -> ConnectorError | tuple[str, bytes]:
            failure = refusal(self._http.name, answer, sent)
            if failure is not None:
                return failure
            ident = self._id(answer)
            if ident is None:
                return Garbled(self._http.name, f"{request} answered {answer.status} without an id")
            return ident, answer.body

        return _or_raised(await self._http.send(request, read))

    async def change(
        self,
        existing: tuple[str, str],
        body: Body,
        key: WriteKey,
        row: type[T],
        said: Mapping[str, str],
        *,
        tells: Callable[[T], bool],
        etag: str | None = None,
    ) -> tuple[T, bool]:
        """Change a row: as it is afterwards, and whether the system is through with it (not after a 202).

        `existing` is the row's id, and the record's attribute that named it. Raises as `create`. Where the answer does
        not show the row, or not what `tells` looks for in it, it is read.
        """
        self._need_writes()
        ident, found_by = existing
        address = self._address(ident, found_by)
        media = self.profile.patch_type or _PATCH_TYPES["v5" if self.is_v5 else "v4"]
        headers = {"Content-Type": media} | ({"If-Match": etag} if etag else {})
        request = self._request("PATCH", address, body, key, headers)
        sent = Sent(str(request), said, [one for one in body if one not in said], self._meanings, found_by)

        def read(answer: Answer) -> ConnectorError | tuple[T | None, bool]:
            failure = refusal(self._http.name, answer, sent)
            if failure is not None:
                return failure
            shown = msgspec.json.decode(answer.body, type=row) if answer.body.strip() else None
            return shown, answer.status != 202

        shown, is_through = _or_raised(await self._http.send(request, read))
        if shown is None or not tells(shown):
            shown = await self._read_back(address, ident, row)
        return shown, is_through

    async def _read_back(self, address: str, ident: str, row: type[T]) -> T:
        """A changed row whose answer did not show it. What fails here says nothing of the change."""
        with _may_have_happened():
            return await self._http.send(
                Request.get(address, [ident]), lambda answer: msgspec.json.decode(answer.body, type=row)
            )

    def typed(self, kind: str, body: Body) -> Body:
        """An object with its @type, which v5 wants nearly everywhere, and v4 does not."""
        return {"@type": kind, **body} if self.is_v5 else body

    def party(self, ident: str, role: str, kind: str | None = None) -> Body:
        """A related party as the version has it, in such a way that it is read as what it is.

        `kind` is what it is (@referredType): by default a customer, as the profile and `customer_key` have them.
        """
        who: Body = {"id": ident, "@referredType": kind or self.customer_type}
        if self.profile.party_type_is_role:
            who["@referredType"] = role
        if not self.is_v5:
            return who if self.profile.party_type_is_role else {**who, "role": role}
        reference = "PartyRoleRef" if folded(kind or self.customer_type) == "customer" else "PartyRef"
        inner = {"@type": reference, **who}
        return {"@type": "RelatedPartyRefOrPartyRoleRef", "role": role, "partyOrPartyRole": inner}

    @property
    def customer_type(self) -> str:
        """@referredType of what this system knows customers by."""
        given = "party_types" in self.profile.model_fields_set
        if self._http.system.customer_key == "party.id" and not given:
            return PARTY_TYPES[-1]
        return self.profile.party_types[0] if self.profile.party_types else "Customer"

    def _need_writes(self) -> None:
        if self.read_only is not None:
            raise NotSupported(self._http.name, self.read_only)

    def _address(self, key: str, found_by: str) -> str:
        if key in ("", ".", ".."):  # steps in a path, not ids
            raise Declined(self._http.name, f"{self.path}: {key!r} is no id", Reason.NOT_FOUND, attribute=found_by)
        return f"{self.path}/{quote(key, safe='')}"

    def _request(self, method: str, target: str, body: Body, key: WriteKey, headers: dict[str, str]) -> Request:
        if self.profile.key_header:
            headers = headers | {self.profile.key_header: key}
        content = _ENCODER.encode(self.typed(self._kind, body))
        return Request.write(method, target, content, expected=EXPECTED, headers=headers)

    def _id(self, answer: Answer) -> str | None:
        """The id of what was created, from the body or the Location.

        What comes with a 202 may be of something else, such as a task that tells how far the write has come.
        """
        made = msgspec.json.decode(answer.body, type=_Made) if answer.body.lstrip()[:1] == b"{" else None
        if made is not None and made.id not in (None, "") and (answer.status != 202 or self._is_ours(made)):
            return str(made.id)
        return self._id_at(answer.headers.get("Location", ""))

    def _is_ours(self, made: _Made) -> bool:
        if folded(made.type) in ("monitor", "task"):
            return False
        return not made.href or self._id_at(made.href) is not None

    def _id_at(self, address: str) -> str | None:
        """The id in the address of one of this resource's rows; None for an address of something else."""
        above, _, last = urlsplit(address).path.rstrip("/").rpartition("/")
        return unquote(last) if folded(above.rpartition("/")[2]) == folded(self.path.rpartition("/")[2]) else None


def amount(value: Decimal) -> msgspec.Raw:
    """An amount as a JSON number, with the digits that it has and no exponent."""
    return msgspec.Raw(format(value, "f").encode())


def _or_raised(outcome: "ConnectorError | T") -> T:
    if isinstance(outcome, ConnectorError):
        raise outcome
    return outcome


@contextmanager
def _may_have_happened() -> Iterator[None]:
    try:
        yield
    except ConnectorError as failure:
        failure.may_have_happened = True
        raise
