"""Rows of which one may be broken: a hand in the database or an older version must not keep a server from all the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Row

log = logging.getLogger(__name__)
T = TypeVar("T")
# More than these are not broken rows, but a broken reader.
_BAD_LIMIT = 1000
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


def readable(result: CursorResult[Any], make: Callable[[Row[Any]], T], what: str) -> list[T]:
    """Return what ``make`` makes of the rows; one that cannot be read is left out, counted and told in the log as one of ``what``.

    Raises what the reading raised once a thousand cannot be read.
    """
    made: list[T] = []
    bad, fault = 0, ""
    while True:
        try:
            # One at a time: the values are decoded as a row is fetched.
            if (row := result.fetchone()) is None:
                break
            made.append(make(row))
        except _UNREADABLE as error:
            bad, fault = bad + 1, type(error).__name__
            if bad >= _BAD_LIMIT:
                raise
    if bad:
        log.error("%s_not_read count=%d: %s", what, bad, fault)
    return made
