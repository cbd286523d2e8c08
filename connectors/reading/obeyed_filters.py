"""Which filters a system obeys. Its total is trusted only under a filter that it provably obeys.

A system that ignores a filter counts everybody's rows, and one page of its answer may hold the right rows by chance.
The proof takes no extra call: a complete answer holds only rows with the requested keys, and lacks a row that came
earlier under another key (the witness). One witness per filter, its id and keys, is kept for the process's lifetime.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field


@dataclass(slots=True)
class ObeyedFilters:
    """The filters of one collection, by name.

    `personal`: the system checks each caller's own credentials and may hide other customers' rows with or without the
    filter, so that nothing can be proved.
    """

    personal: bool = False

    _proved: set[str] = field(default_factory=set)
    _disproved: set[str] = field(default_factory=set)
    _useless_pages: set[str] = field(default_factory=set)
    _witnesses: dict[str, tuple[str, Set[str]]] = field(default_factory=dict)

    def __contains__(self, parameter: str) -> bool:
        """Whether it is proved that the system obeys this filter."""
        return parameter in self._proved and parameter not in self._disproved

    def is_open(self, parameter: str) -> bool:
        """Whether neither was proved yet: that the system obeys this filter, or that it ignores it."""
        return not self.personal and parameter not in self._proved and parameter not in self._disproved

    def record_answer(self, parameter: str, asked: Set[str], rows: Mapping[str, Set[str]]) -> None:
        """Learn from a complete answer to a request with this filter only.

        `rows` maps each row's id to its keys. A row without keys should not have been sent.
        """
        if not all(asked & keys for keys in rows.values()):
            self.record_ignored(parameter)
            return
        row, keys = self._witnesses.get(parameter, ("", asked))
        if not self.personal and row not in rows and not keys & asked:
            self._proved.add(parameter)
        if rows:
            self._witnesses[parameter] = next(iter(rows.items()))

    def record_ignored(self, parameter: str) -> None:
        """Remember that rows came that the filter excludes."""
        self._disproved.add(parameter)

    def record_useless_page(self, parameter: str) -> None:
        """Remember that one page under this filter had others' rows, so that the whole list had to be read after it."""
        self.record_ignored(parameter)
        self._useless_pages.add(parameter)

    def has_useless_pages(self, parameter: str) -> bool:
        """Whether to read the whole list at once."""
        return parameter in self._useless_pages
