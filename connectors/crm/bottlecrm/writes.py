"""Contact data in BottleCRM: what a customer's e-mail address and phone number are stands in two records.

The account has the customer's own, its contact the person's; each PATCH changes only its own record. Which of several
contacts is the person is told by the account's e-mail address, so that changing one record alone loses the link.

The contact is changed first: should the account then not follow, the next call still finds the person (by the address
that is wanted), and clients go on seeing the account's, which is not changed. A PATCH stores all of its fields or none,
and doing it again is harmless.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec

from connectors.crm.bottlecrm.client import Rest
from connectors.crm.bottlecrm.rows import Account, Contact, equals_ignoring_case, text_of
from connectors.crm.port import ContactChange
from connectors.errors import ConnectorError, Declined, Garbled, Reason, Rejected
from connectors.http.request import Answer, Request
from connectors.reading.nothing_sent import nothing_sent
from connectors.writes import UNCHANGED

Values: TypeAlias = Mapping[str, str]
"""Fields of an account or a contact; an empty text is none."""

_ACCOUNT: Final = "/api/accounts/"
_CONTACT: Final = "/api/contacts/"
_TOO_LONG: Final = ("no more than", "at most", "too long")
_TAKEN: Final = ("already exists", "must be unique")


class _Told(msgspec.Struct):
    """What a PATCH is answered with: `errors` are sentences by field."""

    error: bool = False
    errors: dict[str, Any] | str | None = None


class ContactUpdate:
    """Changes how a customer is reached, in the account and in its contact."""

    def __init__(self, rest: Rest) -> None:
        self._rest, self._http = rest, rest.http

    async def make(self, account_id: str, change: ContactChange) -> None:
        """Change both records where they differ, and read them again. See `CrmPort.update_contact`.

        One read, at most two writes, and one read more if anything was written.
        """
        wanted = _wanted(change)
        with nothing_sent():
            account = await self._account(account_id)
            person = self._person(account, wanted)
            theirs, own = _differing(person, wanted), _differing(account, wanted)
        if person and theirs:
            await self._patch(_CONTACT, person, theirs)
        if own:
            try:
                await self._patch(_ACCOUNT, account, own)
            except ConnectorError as failure:
                if person and theirs:
                    await self._undo(person, theirs, failure)
                raise
        if own or theirs:
            await self._check(account_id, person, wanted)

    async def _account(self, account_id: str) -> Account:
        account = await self._rest.account(account_id)
        if account is None:
            raise self._declined("the customer's account is gone", Reason.NOT_FOUND, "customer_id")
        return account

    def _person(self, account: Account, wanted: Values) -> Contact | None:
        """The contact who is the customer in person, if that can be told.

        That is the only contact, or the only one with the account's e-mail address. Where nobody has it, but one has
        the address that is wanted, half of this change was made before. Raises `Declined` where the address that is
        wanted is another contact's: who of the two is the customer could not be told any more.
        """
        people = account.contacts or []
        if len(people) < 2:
            return people[0] if people else None
        linked = [one for one in people if account.email and equals_ignoring_case(one.email, account.email)]
        if not wanted.get("email"):
            return linked[0] if len(linked) == 1 else None
        changed = [one for one in people if equals_ignoring_case(one.email, wanted["email"])]
        if not linked and len(changed) == 1:
            return changed[0]
        if any(one not in linked for one in changed):
            raise self._declined("another contact of the account has this address", Reason.CONFLICT, "email")
        return linked[0] if len(linked) == 1 else None

    async def _undo(self, person: Contact, changes: Values, failure: ConnectorError) -> None:
        """Give a contact back what it had, if the account is surely not changed. Else half a change may be left."""
        if not failure.may_have_happened:
            try:
                await self._patch(_CONTACT, person, {name: _value(person, name) for name in changes})
            except ConnectorError as again:
                half = f"a contact was changed and its account was not: {again.detail}"
                raise Garbled(self._http.name, half) from failure

    async def _check(self, account_id: str, person: Contact | None, wanted: Values) -> None:
        """Whether both records are as wanted: a PATCH is answered without its record.

        Where that cannot be read the change has been made perhaps, whatever the failure says of the read.
        """
        try:
            account = await self._rest.account(account_id)
        except ConnectorError as failure:
            failure.may_have_happened = True
            raise
        theirs = [one for one in (account.contacts if account else None) or () if person and one.id == person.id]
        if account is None or _differing(account, wanted) or any(_differing(one, wanted) for one in theirs):
            raise Garbled(self._http.name, "the change was accepted, and the records are not as they should be")

    async def _patch(self, path: str, row: Account | Contact, changes: Values) -> None:
        body = msgspec.json.encode(changes)
        request = Request.write("PATCH", f"{path}{row.id}/", body, [str(row.id)], expected={400})
        if refusal := await self._http.send(request, self._told):
            raise refusal

    def _told(self, answer: Answer) -> Declined | None:
        """Why BottleCRM declines, which may come with 200, too: an answer, and no sign of a sick system."""
        if answer.status == 404:
            if answer.body.lstrip().startswith(b"{"):
                return self._declined("the record is gone", Reason.NOT_FOUND, "customer_id")
            raise Rejected(self._http.name, "there is no such path: the system's url is without /api")
        told = msgspec.json.decode(answer.body, type=_Told)
        if answer.status < 300 and not told.error:
            return None
        errors = told.errors if isinstance(told.errors, dict) else {}
        attribute = next((name for name in ("email", "phone") if name in errors), None)
        detail = f"answered {answer.status} and declined {', '.join(sorted(errors)) or 'all'}"
        return self._declined(detail, _reason(str(errors.get(attribute or "", ""))), attribute)

    def _declined(self, detail: str, reason: Reason, attribute: str | None) -> Declined:
        return Declined(self._http.name, detail, reason, attribute=attribute)


def _wanted(change: ContactChange) -> dict[str, str]:
    """What the fields should be. BottleCRM leaves out blanks around a value, and keeps those within it."""
    asked = {"email": change.email, "phone": change.phone}
    return {name: (value or "").strip() for name, value in asked.items() if value is not UNCHANGED}


def _value(row: Account | Contact, name: str) -> str:
    return text_of(getattr(row, name)) or ""


def _differing(row: Account | Contact | None, wanted: Values) -> dict[str, str]:
    """What has to be changed; letter by letter, as it is stored."""
    return {} if row is None else {name: value for name, value in wanted.items() if _value(row, name) != value}


def _reason(sentences: str) -> Reason:
    """BottleCRM says it in a sentence only; what it does not name is a wrong value."""
    told = sentences.casefold()
    if not told:
        return Reason.OTHER
    if any(words in told for words in _TOO_LONG):
        return Reason.TOO_LONG
    return Reason.CONFLICT if any(words in told for words in _TAKEN) else Reason.INVALID
