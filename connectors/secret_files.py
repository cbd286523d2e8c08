"""Secrets of the settings: each stands in the settings themselves, or in a file that is read again when it changes.

A file suits secrets that Docker and Kubernetes mount: a folder whose symbolic links are swapped is a change, too.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import ModelWrapValidatorHandler, TypeAdapter, ValidationError, model_validator

from connectors.strict import Strict
from connectors.texts import one_line
from connectors.wrong_settings import missing_setting, reported_again, wrong_setting

_log = logging.getLogger("gateway.settings")

LARGEST: Final = 64 * 1024
"""Most bytes of a secret's file."""

Signature = tuple[int, int, int, int]
"""What is different once a file has changed: device, inode, size, time."""


class UnusableFile(ValueError):
    """A file that the settings name cannot be used. The text names it and says why, and holds nothing of its content.

    `setting` is the name of the setting; empty where only the caller knows it.
    """

    def __init__(self, text: str, setting: str = "") -> None:
        super().__init__(text)
        self.setting = setting


def signature(path: Path) -> Signature | None:
    """What tells whether a file has changed, behind symbolic links; None while it cannot be looked at."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read_bytes(path: Path, most: int = LARGEST) -> bytes:
    """The content of a file that the settings name. Raises UnusableFile."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UnusableFile(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a path with U+0000
        raise UnusableFile(f"{path}: is no path of a file") from error
    if len(content) > most:
        raise UnusableFile(f"{path}: is larger than {most} bytes")
    if not content.strip():
        raise UnusableFile(f"{path}: is empty")
    return content


class Secret:
    """A secret as it is now.

    A file is looked at whenever the secret is wanted, and read when it has changed. While it cannot be used, which is
    logged once, the secret from before holds.
    """

    def __init__(self, given: str | None, file: Path | None = None, kind: TypeAdapter[str] | None = None) -> None:
        """`given`, or the content of `file`, which `kind` checks. Raises UnusableFile."""
        self._text, self.file, self._kind = given or "", file, kind
        self._seen: Signature | None = None
        self._is_failing = False
        if file is not None:
            self._seen = signature(file)
            self._text = self._read(file)

    @property
    def text(self) -> str:
        """The secret; empty if there is none."""
        if self.file is not None and (now := signature(self.file)) != self._seen:
            self._renew(self.file, now)
        return self._text

    def read_again(self) -> bool:
        """Read the file even if it looks as before, after a refusal; whether that made another secret of it."""
        if self.file is None:
            return False
        before = self._text
        self._renew(self.file, signature(self.file))
        return self._text != before

    def _renew(self, file: Path, now: Signature | None) -> None:
        self._seen = now
        try:
            self._text = self._read(file)
        except UnusableFile as error:
            if not self._is_failing:
                _log.warning("%s; the secret from before stays in use", error)
            self._is_failing = True
        else:
            self._is_failing = False

    def _read(self, file: Path) -> str:
        try:
            text = one_line(read_bytes(file).decode("utf-8"))
            return text if self._kind is None else self._kind.validate_python(text)
        except UnicodeDecodeError as error:
            raise UnusableFile(f"{file}: is not written in UTF-8") from error
        except ValidationError as error:  # whose own text would show the secret
            why = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
            raise UnusableFile(f"{file}: {why}") from None
        except UnusableFile:
            raise
        except ValueError as error:
            raise UnusableFile(f"{file}: {error}") from None


class WithSecrets(Strict):
    """Settings with secrets, each given as `NAME` or as `NAME_file`, which is any pair of fields that are so named."""

    needed: ClassVar[frozenset[str]] = frozenset()
    """Secrets that must be given."""

    def secret_named(self, name: str) -> Secret:
        """The secret as it is now, for as long as something runs. Raises UnusableFile."""
        field = type(self).model_fields[name]
        given, file = getattr(self, name), getattr(self, f"{name}_file")
        kind: Any = field.annotation
        for one in field.metadata:
            kind = Annotated[kind, one]
        return Secret(given, file, TypeAdapter(kind) if file is not None else None)

    @classmethod
    def secret_names(cls) -> tuple[str, ...]:
        """Fields that can also be given in a file."""
        return tuple(name for name in cls.model_fields if f"{name}_file" in cls.model_fields)

    @model_validator(mode="wrap")
    @classmethod
    def _each_secret_is_given_once(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        """Look at the secrets together with everything else, so that all errors are reported at once."""
        wrong = []
        made: Self | None = None
        try:
            made = read(data)
        except ValidationError as error:
            wrong = [reported_again(one) for one in error.errors(include_url=False)]
        if isinstance(data, dict):
            wrong += [missing_setting(one) for one in cls.needed if data.get(one) is data.get(f"{one}_file") is None]
        for name in cls.secret_names() if made is not None else ():
            text, file = getattr(made, name), getattr(made, f"{name}_file")
            if text is not None and file is not None:
                wrong.append(wrong_setting(f"{name}_file", f"only one of {name} and {name}_file may be set"))
            elif made is not None and file is not None:
                try:
                    made.secret_named(name)
                except UnusableFile as error:
                    wrong.append(wrong_setting(f"{name}_file", str(error)))
        if made is None or wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return made


def beside(data: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with each relative file (keys that end in `_file` and `_files`) put into the folder of the settings.

    What is a driver's own (`options`, `profile`) stays as it is.
    """
    return {key: value if key in ("options", "profile") else _beside(key, value, folder) for key, value in data.items()}


def _beside(key: str, value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return beside(value, folder)
    if isinstance(value, list):
        if key.endswith("_files"):
            return [str(folder / one) if isinstance(one, str) else one for one in value]
        return [beside(one, folder) if isinstance(one, dict) else one for one in value]
    return str(folder / value) if key.endswith("_file") and isinstance(value, str) else value
