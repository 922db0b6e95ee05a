"""Asks the kernel what it believes of its own clock (``adjtimex`` with nothing to adjust)."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

_UNSYNCHRONIZED = 0x0040
_NANOSECONDS = 0x2000


@dataclass(frozen=True, slots=True)
class ClockState:
    """Whether the clock is held for synchronized, and the offset that is still to be slewed; None when unknown."""

    is_synchronized: bool | None
    offset_seconds: float | None


UNKNOWN = ClockState(None, None)


class _Timex(ctypes.Structure):
    # The head of struct timex on 64-bit Linux; the rest is room that the kernel may write.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def read_clock() -> ClockState:
    """Return the kernel's view; unknown on other systems or where the call is refused."""
    if not sys.platform.startswith("linux"):
        return UNKNOWN
    timex = _Timex()
    try:
        code = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return UNKNOWN
    return UNKNOWN if code < 0 else clock_state(timex.status, timex.offset)


def clock_state(status: int, offset: int) -> ClockState:
    """Return what the status bits and the raw offset mean."""
    if status & _UNSYNCHRONIZED:
        return ClockState(is_synchronized=False, offset_seconds=None)
    return ClockState(is_synchronized=True, offset_seconds=offset / (1e9 if status & _NANOSECONDS else 1e6))
