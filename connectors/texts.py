"""Texts of the settings that become a part of a request: checked when they are read, so that each can be sent.

What fits no request says what would be right for that setting.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator
from yarl import URL

_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_VISIBLE: Final = re.compile(r"[!-~]+")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OURS: Final = frozenset(
    {"accept", "connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding", "upgrade"}
)
"""Headers that the gateway or the connection itself sets."""


def one_line(text: str) -> str:
    """The text without the line break that a secret read from a file ends in.

    Raises ValueError for other control characters, and halves of characters: no header, address or query has them.
    """
    text = text.strip("\r\n")
    if found := _UNSPEAKABLE.search(text):
        where = f"U+{ord(found[0]):04X} at place {found.start() + 1}"
        raise ValueError(f"should be one line of text, and has a character that cannot be sent ({where})")
    return text


def matching(pattern: str, right: str) -> AfterValidator:
    """A setting whose whole text has this pattern; `right` says in words, with an example, what that is."""
    compiled = re.compile(pattern)

    def check(text: str | None) -> str | None:
        if text is None:
            return None
        if not compiled.fullmatch(text := one_line(text)):
            raise ValueError(f"should be {right}")
        return text

    return AfterValidator(check)


def _fitting(check: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda text: None if text is None else check(one_line(text)))


def _header_value(text: str) -> str:
    text = text.strip()
    if not _HEADER_VALUE.fullmatch(text):
        raise ValueError("should be a header's value: letters, digits and signs of ASCII, and not empty")
    return text


def _bearer(text: str) -> str:
    text = _header_value(text)
    if " " in text:
        raise ValueError("should be the token alone, without blanks: 'Bearer' is put before it")
    return text


def _header_name(text: str) -> str:
    text = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", text):
        raise ValueError("should be the name of a header, such as X-API-Key")
    if text.casefold() in _OURS:
        raise ValueError(f"should be another header: the gateway sets {text} itself")
    return text


def _user_name(text: str) -> str:
    if not text or ":" in text:
        raise ValueError("should be a user name, without a colon: HTTP separates name and password by one")
    return text


def _address(text: str, example: str) -> URL:
    try:
        url = URL(text)
        port = urlsplit(text).port
        good = url.scheme in ("http", "https") and bool(url.host) and port != 0
        (url.raw_host or "").encode("idna")  # raises for a label that is empty or too long, as connecting does
    except ValueError:
        good = False
    if not good:
        raise ValueError(f'should be an address that begins with http:// or https://, e.g. "{example}"')
    if not _VISIBLE.fullmatch(text) or _BROKEN_ESCAPE.search(text) or re.search(r'["<>\\^`{|}]', text):
        raise ValueError(
            f'should be an address in ASCII without blanks: hosts as xn--..., other letters as %XX, e.g. "{example}"'
        )
    return url


def _page_address(text: str) -> str:
    text = text.strip()
    if _address(text, "https://host.example/path").fragment:
        raise ValueError('should be an address without "#"')
    return text


def _token_address(text: str) -> str:
    text = _page_address(text)
    if names_a_user(text):
        raise ValueError("should be an address without user name and password: client_id and client_secret are sent")
    return text


def _proxy_address(text: str) -> str:
    text = text.strip()
    try:
        url = _address(text, "http://proxy.example:3128")
    except ValueError:
        url = URL("")
    if url.scheme != "http" or url.raw_path not in ("", "/") or url.query_string or url.fragment:
        raise ValueError(
            'should be a proxy\'s address, such as "http://proxy.example:3128", with user name and password in it if it'
            " wants them (http://user:password@..., signs in them as %XX)"
        )
    return text


def names_a_user(address: str) -> bool:
    """Whether an address holds a user name or a password, which are then sent as HTTP's basic credentials."""
    return "@" in urlsplit(address).netloc


def base_address(text: str) -> str:
    """The address of a system or an issuer, as it can be asked. Raises ValueError, which says what is right."""
    text = text.strip()
    _address(text, "https://host.example")
    if "?" in text or "#" in text:
        raise ValueError('should be the address that all paths are put behind, without "?" and "#"')
    return text


_PATH: Final = r"/(?:[A-Za-z0-9_.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"

HeaderValue: TypeAlias = Annotated[str, _fitting(_header_value)]
BearerToken: TypeAlias = Annotated[str, _fitting(_bearer)]
HeaderName: TypeAlias = Annotated[str, _fitting(_header_name)]
UserName: TypeAlias = Annotated[str, _fitting(_user_name)]
BaseAddress: TypeAlias = Annotated[str, _fitting(base_address)]
"""Of a system: what the paths of its resources are put behind."""
TokenAddress: TypeAlias = Annotated[str, _fitting(_token_address)]
PagePath: TypeAlias = Annotated[
    str, matching(_PATH + r"(?:\?[!-~]*)?", 'a path under the system\'s url, such as "/login"; other letters as %XX')
]
ResourcePath: TypeAlias = Annotated[
    str,
    matching(
        _PATH + r"(?<!/)",
        'a path that begins with "/" and does not end in it, without "?" and "#", such as "/bills/v1/bill"; other'
        " letters as %XX",
    ),
]

IF_ANY_HEADER_NAME: Final = _fitting(_header_name)
IF_ANY_PAGE: Final = _fitting(_page_address)
IF_ANY_PROXY: Final = _fitting(_proxy_address)
IF_ANY_BASE: Final = _fitting(base_address)
"""For settings that may be left out."""


def without_credentials(address: str) -> str:
    """An address as it may be shown: without user name and password, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
