"""TMF630 paging: the page of a list, with its status and headers."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """A page of a list: `count` rows from `offset` of `total` (None: the total is not sent).

    `no_headers` leaves out all headers of paging; `bad_links` makes the faulty links of the standard's reference
    component.
    """

    path: str
    others: Sequence[str]
    offset: int
    limit: int
    count: int
    total: int | None
    matching: int
    no_headers: bool = False
    bad_links: bool = False

    @property
    def status(self) -> int:
        """200 if the answer has all matching rows, else 206."""
        return 200 if self.no_headers or self.count >= self.matching else 206

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return X-Total-Count, X-Result-Count, Content-Range and Link, as far as known."""
        if self.no_headers:
            return []
        found = [(b"x-result-count", b"%d" % self.count)]
        whole = "*" if self.total is None else str(self.total)
        if self.total is not None:
            found.append((b"x-total-count", b"%d" % self.total))
        if self.count:
            last = self.offset + self.count
            found.append((b"content-range", f"items {self.offset + 1}-{last}/{whole}".encode()))
        if links := self._links():
            found.append((b"link", ('"' * self.bad_links + ", ".join(links)).encode()))
        return found

    def _links(self) -> list[str]:
        if self.status == 200 or self.limit == 0:
            return []
        links = [] if self.bad_links else [self._link("first", 0)]
        if self.offset:
            links.append(self._link("prev", max(self.offset - self.limit, 0)))
        if self.offset + self.count < self.matching:
            links.append(self._link("next", self.offset + self.count))
        if self.total is not None:
            links.append(self._link("last", max(self.total - 1, 0) // self.limit * self.limit))
        return links

    def _link(self, relation: str, offset: int) -> str:
        kept = [o for o in self.others if o.startswith("fields=")] if self.bad_links else self.others
        query = "&".join([*kept, f"offset={offset}", f"limit={self.limit}"])
        return f'<{self.path}?{query}>; rel="{relation}"'
