"""What an answer may still hold: bytes and errors are taken off while it is made."""

from dataclasses import dataclass, field

from gateway.engine.limits import AnswerLimits


class AnswerTooLarge(Exception):
    """The answer has more bytes than it may: nothing more is made of it."""


@dataclass(slots=True)
class Allowance:
    """What one answer may still hold.

    The bytes are about those of its JSON: names, 16 for each value, and the lengths of long texts. Whoever makes values
    adds to `sized`; `check` takes it off. Errors beyond the most are not made: `more_errors` counts them.
    """

    limits: AnswerLimits
    sized: list[int] = field(default_factory=list)
    bytes: int = field(init=False)
    errors: int = field(init=False)
    more_errors: int = 0

    def __post_init__(self) -> None:
        self.bytes, self.errors = self.limits.max_answer_bytes, self.limits.max_errors

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
