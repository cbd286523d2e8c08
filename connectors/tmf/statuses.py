"""Rows that are open or have ended: how a system is asked for them, and how its words for that are read."""

from collections.abc import Callable, Mapping
from collections.abc import Collection as Words
from typing import Any

from connectors.records import Fields
from connectors.tmf.collection import Collection
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.reader import E, EnumDecoder, Reader


class Statuses:
    """The words of one resource's `status`, of which `ended` are those of the standard for what has ended."""

    def __init__(self, reader: Reader, profile: Profile, words: Words[str], ended: Words[str], unknown: str) -> None:
        """`words` are all of the standard's, `unknown` is what a record has in place of any other."""
        self._reader, self._profile = reader, profile
        self._open = [word for word in words if word not in ended and word != unknown]
        self._ended = sorted(ended)
        self._has_strange_words = False

    def filters(self, is_open: bool | None) -> Filters:
        """A filter by status; none if the system does not support it, and rows must be filtered here."""
        if is_open is None or not self._profile.status_filter or self._profile.id_list == "none":
            return ()
        if self._has_strange_words:
            return ()
        return [("status", self._reader.spellings(self._open if is_open else self._ended))]

    def decoder(self, resource: Callable[[], Collection[Any]], table: Mapping[str, E], unknown: E) -> EnumDecoder[E]:
        """Statuses by their words.

        An unknown word counts as open, and a filter by the standard's words would miss such rows. After the first one,
        the resource is no longer filtered by status.
        """

        def read(word: str | None) -> E:
            found = self._reader.decode_enum(table, word, unknown)
            if found is unknown and word is not None and not self._has_strange_words:
                self._has_strange_words = True
                resource().warn_once("has status words of its own, so it is no longer filtered on them: see `words`")
            return found

        return EnumDecoder(read, unknown)


def with_status(fields: Fields | None, is_open: bool | None) -> Fields | None:
    """What must be read to tell whether rows are wanted that are open, or have ended."""
    return fields if fields is None or is_open is None else fields | {"is_open"}
