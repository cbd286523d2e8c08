"""Why a token is not taken: for the developer of the client in the answer, for programs in `why`."""

from enum import Enum, auto
from typing import ClassVar

from gateway.errors import RequestError


class Why(Enum):
    """What is wrong with a token."""

    FORM = auto()
    """It is no signed JWT."""
    TWICE = auto()
    """It has one name twice."""
    ISSUER = auto()
    """It is of nobody who is trusted."""
    TYPE = auto()
    """It says that it is for another purpose."""
    ALGORITHM = auto()
    """It is signed with an algorithm that is not believed."""
    KEY = auto()
    """Its issuer has no such key, or not for that algorithm."""
    SIGNATURE = auto()
    """Another key has signed it, or it was changed."""
    AUDIENCE = auto()
    """It was made for another service."""
    EXPIRED = auto()
    """It has ended."""
    EARLY = auto()
    """It has not begun."""
    MISSING = auto()
    """It lacks one of `exp`, `iss` and `aud`."""
    KIND = auto()
    """It says no kind of caller."""
    NOT_ITS_KIND = auto()
    """It says a kind that its issuer may not make."""
    CUSTOMERS = auto()
    """Its customer numbers cannot be read."""
    ROLES = auto()
    """Its roles cannot be read."""
    OTHER = auto()
    """A claim that nobody can set here."""


class AuthenticationError(RequestError):
    """The token is not accepted: 401 with the reason, for the developer of the client."""

    status = 401
    code = "UNAUTHENTICATED"

    def __init__(self, message: str, why: Why = Why.OTHER) -> None:
        described = message.replace("\\", "").replace('"', "'").encode("ascii", "replace").decode()
        challenge = f'Bearer error="invalid_token", error_description="{described}"'
        super().__init__(message, headers={"WWW-Authenticate": challenge})
        self.why = why


class AuthUnavailableError(RequestError):
    """Tokens cannot be checked at the moment: 503, not the client's fault."""

    status = 503
    code = "AUTH_UNAVAILABLE"
    retryable: ClassVar[bool] = True
