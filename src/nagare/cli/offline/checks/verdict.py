"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, what was seen, and how to mend it (empty when nothing is to mend)."""

    name: str
    verdict: Verdict
    seen: str
    mend: str = ""


def ok(name: str, seen: str) -> Check:
    """Return a check that went well."""
    return Check(name, Verdict.OK, seen)


def warn(name: str, seen: str, mend: str = "") -> Check:
    """Return a check that found something worth knowing."""
    return Check(name, Verdict.WARN, seen, mend)


def bad(name: str, seen: str, mend: str = "") -> Check:
    """Return a check that found something broken."""
    return Check(name, Verdict.BAD, seen, mend)
