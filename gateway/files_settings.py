"""`[files]`: whether addresses of documents may be signed, for how long, and with which key."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from connectors.secret_files import WithSecrets
from connectors.settings import System
from gateway.writes_settings import Wrong

FOR_ONE_PROCESS: Final = (
    "files.signed_for: every process would sign with a key of its own: there must be one, or files.key or redis.url be"
    " set"
)

SHORTEST: Final = 32
"""Characters of a key, at least."""


def long(key: str | None) -> str | None:
    """A key that is long enough. Raises ValueError."""
    if key is not None and len(key) < SHORTEST:
        raise ValueError(f"should have at least {SHORTEST} random characters, such as `openssl rand -base64 32` makes")
    return key


class FilesSettings(WithSecrets):
    """`[files]`: documents in a browser."""

    signed_for: Annotated[
        float,
        Field(ge=0, le=3600, description="Seconds for which a signed address opens a document; 0: nothing is signed."),
    ] = 0.0
    key: Annotated[
        str | None,
        AfterValidator(long),
        Field(repr=False, description="What addresses are signed with; else a key that the processes share in Redis."),
    ] = None
    key_file: Annotated[Path | None, Field(description="File with it.")] = None
    previous_key: Annotated[
        str | None,
        AfterValidator(long),
        Field(repr=False, description="The key before: what was signed with it opens until it ends."),
    ] = None
    previous_key_file: Annotated[Path | None, Field(description="File with it.")] = None

    @property
    def has_key(self) -> bool:
        """Whether there is a key for all processes."""
        return self.key is not None or self.key_file is not None


def wrong(files: FilesSettings, systems: dict[str, System], *, redis_url: str | None, workers: int) -> list[Wrong]:
    """What does not fit together; nothing where nothing is signed."""
    if not files.signed_for:
        return []
    found: list[Wrong] = []
    if workers > 1 and not files.has_key and redis_url is None:
        found.append((("server", "workers"), f"should be 1, not {workers}, with {FOR_ONE_PROCESS}"))
    found += [
        (
            ("files", "signed_for"),
            f"should be 0 with systems.{name}.auth.kind: that system is shown each caller's token, and whoever opens a"
            " signed address shows none",
        )
        for name, one in systems.items()
        if one.is_personal
    ]
    return found
