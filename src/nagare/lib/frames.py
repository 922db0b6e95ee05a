"""Where an exception came from, without what it says: its text may hold a secret, or what a stranger wrote."""

from __future__ import annotations

import traceback
from pathlib import PurePath

_FRAMES_LIMIT = 12


def frames_of(error: BaseException) -> str:
    """Return the type of ``error`` and the innermost places it passed, the innermost first."""
    places = traceback.extract_tb(error.__traceback__)[-_FRAMES_LIMIT:]
    told = (f"{PurePath(one.filename).name}:{one.lineno} {one.name}" for one in reversed(places))
    return " < ".join([type(error).__name__, *told])
