"""Plain facts of the process's environment that are no settings of ours: TERM, NO_COLOR, LANG and their like."""

from __future__ import annotations

import os


def variable(name: str) -> str:
    """Return an environment variable, empty when it is not set."""
    return os.environ.get(name, "")


def set_variable(name: str, value: str) -> None:
    """Set an environment variable of this process, for libraries that read no other door."""
    os.environ[name] = value
