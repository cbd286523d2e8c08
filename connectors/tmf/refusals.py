"""What a TM Forum server means by not doing what it was asked to write: its error body, read for a `Reason`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from connectors.errors import ConnectorError, Declined, Failed, Garbled, Reason, Rejected
from connectors.http.request import Answer

EXPECTED: Final = (302, 303, 400, 402, 404, 409, 410, 412, 422)
"""Statuses of answers to writes that are read here, beside those of success."""


class ErrorBody(msgspec.Struct, gc=False):
    """TM Forum's Error (FACTS.md, section 2), or what looks like one."""

    id: str | int | None = None
    code: str | int | None = None
    reason: str | None = None
    message: str | None = None
    status: str | int | None = None
    type: str | None = msgspec.field(name="@type", default=None)

    @property
    def is_error(self) -> bool:
        """Whether it is an error, and not the resource that was written."""
        if (self.type or "").casefold() == "error":
            return True
        return self.id is None and (self.code is not None or bool(self.reason))

    @property
    def text(self) -> str:
        """All that it says."""
        return " ".join(str(one) for one in (self.code, self.reason, self.message) if one is not None)

    @property
    def http_status(self) -> int:
        """The HTTP status that it stands for: 400 where it names none."""
        for one in (self.status, self.code):
            if found := re.search(r"(?<!\d)[45]\d\d(?!\d)", str(one)):
                return int(found[0])
        return 400


class Meaning(NamedTuple):
    """What words in an error body mean: a reason, and the attribute of the record that it is about."""

    words: re.Pattern[str]
    reason: Reason
    attribute: str | None = None


class Sent(NamedTuple):
    """A write as it was sent.

    `said`: attributes of the resource that hold what the caller said, by those of the record; what an error is looked
    through for, in this order. `own`: those that the gateway or its settings filled. `found_by`: the record's attribute
    that says which row is changed; None for a new one.
    """

    request: str
    said: Mapping[str, str]
    own: Iterable[str]
    meanings: Sequence[Meaning] = ()
    found_by: str | None = None


_TOO_LONG: Final = Meaning(
    re.compile(r"too long|longer than|max(imum)?[ _-]?length|exceeds? [^.]*characters", re.I), Reason.TOO_LONG
)
_KNOWN_KEY: Final = re.compile(r"duplicate|correlator ?id|external ?id", re.I)
_BY_STATUS: Final = {
    404: Reason.NOT_FOUND,
    410: Reason.NOT_FOUND,
    409: Reason.CONFLICT,
    412: Reason.CONFLICT,
}


def refusal(system: str, answer: Answer, sent: Sent) -> ConnectorError | None:
    """What an answer to a write is raised as; None for a success, also with a body that is not an error's."""
    error = _error(answer.body)
    if answer.status < 300:
        if error is None:
            return None
        status = error.http_status
        if status >= 500:
            return Failed(system, f"{sent.request} answered {answer.status} with an error of status {status}")
        return _refused(system, status, error, sent)
    if answer.status < 400:
        return Garbled(system, f"{sent.request} answered {answer.status}, and so not what came of it")
    return _refused(system, answer.status, error, sent)


def _error(body: bytes) -> ErrorBody | None:
    if body.lstrip()[:1] != b"{":
        return None
    try:
        error = msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return error if error.is_error else None


def _refused(system: str, status: int, error: ErrorBody | None, sent: Sent) -> ConnectorError:
    # Not the message: it may repeat what was sent, and with it names and numbers of people.
    detail = f"{sent.request} answered {status}" + ("" if error is None else ", with an error body")
    if error is None:
        if (status in (404, 410) and sent.found_by is None) or status == 400:
            return Rejected(system, detail, status=status)
        return Declined(system, detail, _BY_STATUS.get(status, Reason.OTHER), attribute=_row(status, sent))
    if status == 409 and _KNOWN_KEY.search(error.text):
        return Garbled(system, f"{detail}: the key is known there, so that it may have been done before")
    for words, reason, attribute in (_TOO_LONG, *sent.meanings):
        if words.search(error.text):
            return Declined(system, detail, reason, attribute=attribute or _named(error, sent.said))
    attribute = _named(error, sent.said)
    if (by_status := _BY_STATUS.get(status)) is not None:
        return Declined(system, detail, by_status, attribute=attribute or _row(status, sent))
    if attribute is None and _named(error, dict.fromkeys(sent.own, "")) is not None:
        return Rejected(system, f"{detail}: about what the gateway filled; see the profile", status=status)
    return Declined(system, detail, Reason.OTHER if attribute is None else Reason.INVALID, attribute=attribute)


def _row(status: int, sent: Sent) -> str | None:
    return sent.found_by if status in (404, 410) else None


def _named(error: ErrorBody, names: Mapping[str, str]) -> str | None:
    """The record's attribute for the first of the resource's attributes that the error names."""
    text = f"{error.reason} {error.message}"
    return next(
        (to for name, to in names.items() if re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", text, re.I)),
        None,
    )
