"""Which filters a system was seen to heed: only under those is its word about how many rows there are believed.

A system that ignores a filter counts everybody's rows, and a window of its answer may hold the right ones by chance.
The proof costs no call: an answer that was read to its end has rows of the asked keys only, and lacks a row that was
seen before under another key. What is remembered is one row's id and keys per filter, as long as the process lives.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field


@dataclass(slots=True)
class Heeded:
    """The filters of one collection, by name.

    `personal`: the system knows each caller and may show everybody else's rows to nobody, filter or not: no proof.
    """

    personal: bool = False

    _seen_to_be: set[str] = field(default_factory=set)
    _ignored: set[str] = field(default_factory=set)
    _witnesses: dict[str, tuple[str, Set[str]]] = field(default_factory=dict)

    def __contains__(self, parameter: str) -> bool:
        """Whether the system was seen to heed this filter, and never to ignore it."""
        return parameter in self._seen_to_be and parameter not in self._ignored

    def is_open(self, parameter: str) -> bool:
        """Whether nothing is known of this filter yet."""
        return not self.personal and parameter not in self._seen_to_be and parameter not in self._ignored

    def saw_all(self, parameter: str, asked: Set[str], rows: Mapping[str, Set[str]]) -> None:
        """An answer under this filter alone, read to its end: the keys of each row by its id; no keys: not wanted."""
        if not all(asked & keys for keys in rows.values()):
            self.saw_others(parameter)
            return
        row, keys = self._witnesses.get(parameter, ("", asked))
        if not self.personal and row not in rows and not keys & asked:
            self._seen_to_be.add(parameter)
        if rows:
            self._witnesses[parameter] = next(iter(rows.items()))

    def saw_others(self, parameter: str) -> None:
        """Rows came that the filter does not allow."""
        self._ignored.add(parameter)
