"""What no reader of JSON takes costs itself."""

import json

import pytest

from connectors.reading.repair import repaired

REPAIRED = [
    (rb'{"a":"\d \x \u12 \ud800 \ud83d\ude00 \n \" \\"}', '\ufffdd \ufffdx \ufffd12 \ufffd \U0001f600 \n " \\'),
    (b'{"a":"tab\there\x00\x1f"}', "tab\there\x00\x1f"),
    (b'{"a":"\\\x01 \\\\\x01"}', "\ufffd\x01 \\\x01"),
    (b'{"a":"\xff\xc3\xa9"}', "\ufffd\u00e9"),
]


@pytest.mark.parametrize(("body", "expected"), REPAIRED, ids=["escapes", "control characters", "both", "no UTF-8"])
def test_a_broken_text_is_read(body: bytes, expected: str) -> None:
    assert json.loads(repaired(body)) == {"a": expected}
