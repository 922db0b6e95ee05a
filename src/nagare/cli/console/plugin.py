"""The form of monitoring plugins: one line first, perfdata behind a bar, and 3 for every failure of our own.

Who calls a plugin reads its status and its first line, and takes everything else for what the check found: a usage error
must not look like CRITICAL (2), nor a bug like anything but UNKNOWN.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING

from nagare.errors import NagareError
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.wire.diagnosis import PerfView

COMMAND = "diagnose"
UNKNOWN = 3
EXITS: Mapping[str, int] = MappingProxyType({"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": UNKNOWN})
_TAKE_A_VALUE = frozenset({"--data", "--config", "--server", "--output", "-o"})
_LINE_LIMIT = 1000


def is_plugin(arguments: Sequence[str]) -> bool:
    """Tell whether ``arguments`` name the command that answers as a monitoring plugin."""
    words = iter(arguments)
    for word in words:
        if word in _TAKE_A_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word == COMMAND
    return False


def guard() -> None:
    """From now on, being told to end is a failure of our own."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _ended)


def unknown(error: NagareError | str) -> int:
    """Say on stdout why nothing can be said, and return the status."""
    message = error if isinstance(error, str) else error.message
    hint = "" if isinstance(error, str) or not error.hint else f"hint: {plain(error.hint, _LINE_LIMIT)}\n"
    try:
        sys.stdout.write(f"UNKNOWN - {_line(message)}\n{hint}")
        sys.stdout.flush()
    except (OSError, ValueError):
        stop_telling()
    return UNKNOWN


def stop_telling() -> None:
    """Let what is written go nowhere: nobody reads it, and the interpreter must not fail over that once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def summary_line(verdict: str, summary: str, perfdata: Sequence[PerfView]) -> str:
    """Return the first line."""
    readings = " ".join(_reading(one) for one in perfdata)
    return f"{verdict} - {_line(summary)} | {readings}" if readings else f"{verdict} - {_line(summary)}"


def _line(text: str) -> str:
    # A bar begins the perfdata, wherever it stands.
    return plain(text.replace("|", "/"), _LINE_LIMIT)


def _reading(one: PerfView) -> str:
    label = one.label.replace("'", "").replace("=", "_")
    bounds = [_number(one.warning), _number(one.critical)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return ";".join([f"{label}={_number(one.value)}{one.unit}", *bounds])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _ended(number: int, _frame: FrameType | None) -> None:
    unknown(f"told to end by {signal.Signals(number).name} before there was an answer")
    os._exit(UNKNOWN)
