"""How many calls may be sent beside those that were asked for."""


class Budget:
    """A share of all calls, and a reserve for those times when many fail at once. It costs nothing until it is used.

    Of n calls at most `reserve + share * n` are allowed, and never more than `reserve` in a row.
    """

    __slots__ = ("_counted", "_left", "_reserve", "_share")

    def __init__(self, share: float, reserve: int) -> None:
        self._share, self._reserve = share, reserve if share else 0
        self._left, self._counted = float(self._reserve), 0

    def spend(self, calls: int) -> bool:
        """Whether one more call may be sent; then it counts. `calls`: all calls so far, without those of budgets."""
        self._left = min(self._reserve, self._left + self._share * (calls - self._counted))
        self._counted = calls
        if self._left < 1:
            return False
        self._left -= 1
        return True
