"""Keys in parts that fit into one request each: as few as the bytes allow, and nothing lost."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connectors.reading.chunks import chunks


@given(
    keys=st.lists(st.text("abc", max_size=12), max_size=30),
    room=st.integers(-5, 40),
    before=st.integers(0, 6),
    between=st.integers(0, 6),
    most=st.integers(1, 8),
)
def test_as_many_as_fit_and_never_more(keys: list[str], room: int, before: int, between: int, most: int) -> None:
    def size(part: list[str]) -> int:
        return before + sum(map(len, part)) + between * (len(part) - 1)

    found = chunks(keys, str.encode, room, before=before, between=between, most=most)
    parts = [list(part) for part in found.parts]

    assert list(found.too_long) == [key for key in keys if size([key]) > room]
    assert [key for part in parts for key in part] == [key for key in keys if size([key]) <= room]
    assert all(part and len(part) <= most and size(part) <= room for part in parts)
    assert all(len(part) == most or size([*part, following[0]]) > room for part, following in pairwise(parts))


def test_without_a_limit_on_their_number_only_bytes_count() -> None:
    assert [len(part) for part in chunks(["k"] * 5000, str.encode, 4000).parts] == [4000, 1000]
