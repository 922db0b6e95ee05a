"""Rates between two readings of counters that may go back, wrap or begin again."""

from __future__ import annotations

_WRAP = 2**32
_HALF = 2**31


def rate(new: float, old: float, elapsed: float) -> float | None:
    """Return the rise a second; None when the counter began again or no time passed."""
    if elapsed <= 0 or new < old:
        return None
    return (new - old) / elapsed


def rise(new: int, old: int) -> int | None:
    """Return the rise of a counter that may be 32 bits wide; None when it began again.

    A fall counts as a wrap only when the old value stood in the upper half of 32 bits and the rise stays below half:
    anything else is a counter that began again, and no number is better than a wrong one.
    """
    if new >= old:
        return new - old
    wrapped = new + _WRAP - old
    return wrapped if old < _WRAP and 0 <= wrapped < _HALF else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None when either is unknown or the whole is not positive."""
    if part is None or whole is None or whole <= 0:
        return None
    return part / whole


class Stopwatch:
    """Tells when something that is read seldom is due again."""

    __slots__ = ("_due", "_every_seconds")

    def __init__(self, every_seconds: float) -> None:
        """Be due at once, and then every ``every_seconds``."""
        self._every_seconds = every_seconds
        self._due = float("-inf")

    def is_due(self, monotonic: float) -> bool:
        """Tell whether it is due, and if so begin the next period."""
        if monotonic < self._due:
            return False
        self._due = monotonic + self._every_seconds
        return True
