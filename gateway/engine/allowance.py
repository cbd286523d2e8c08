"""What an answer may still hold: bytes and errors are taken off while it is made."""

from gateway.engine.limits import AnswerLimits


class AnswerTooLarge(Exception):
    """The answer has more bytes than it may: nothing more is made of it."""


class Allowance:
    """What one answer may still hold.

    The bytes are about those of its JSON: names, 16 for each value, and the lengths of long texts. Whoever makes values
    adds to `sized`; `check` takes it off. Errors beyond the most are not made: `more_errors` counts them.
    """

    __slots__ = ("bytes", "errors", "limits", "more_errors", "sized")

    def __init__(self, limits: AnswerLimits) -> None:
        self.limits = limits
        self.sized: list[int] = []
        self.bytes, self.errors, self.more_errors = limits.max_answer_bytes, limits.max_errors, 0

    def check(self) -> None:
        """Take off what was added. Raises AnswerTooLarge."""
        self.bytes -= sum(self.sized)
        self.sized.clear()
        if self.bytes < 0:
            raise AnswerTooLarge

    def takes_error(self) -> bool:
        """Whether one more error may be told; if not, it is counted."""
        if self.errors > 0:
            self.errors -= 1
            return True
        self.more_errors += 1
        return False
