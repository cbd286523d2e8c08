"""What pydantic is told of settings that are wrong, for `ValidationError.from_exception_data`."""

from typing import Final, get_args

from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

_OF_THE_CORE: Final = frozenset(get_args(ErrorType))
"""The rest are errors of pydantic's own, such as `path_type`, which its core cannot make by their name."""


def missing_setting(name: str) -> InitErrorDetails:
    """A setting that has to be given."""
    return InitErrorDetails(type="missing", loc=(name,), input=None)


def wrong_setting(name: str, text: str) -> InitErrorDetails:
    """A setting that cannot be used, and why."""
    return InitErrorDetails(type="value_error", loc=(name,), input=None, ctx={"error": ValueError(text)})


def reported_again(details: ErrorDetails) -> InitErrorDetails:
    """An error that pydantic reported, in the form in which it can be raised again."""
    if details["type"] not in _OF_THE_CORE:
        own = PydanticCustomError(details["type"], details["msg"])
        return InitErrorDetails(type=own, loc=details["loc"], input=details["input"])
    made = InitErrorDetails(type=details["type"], loc=details["loc"], input=details["input"])
    if "ctx" in details:
        made["ctx"] = details["ctx"]
    return made
