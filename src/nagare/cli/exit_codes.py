"""The exit status of every error: the command line's side of what ``server/problems.py`` is for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nagare import errors
from nagare.errors import NagareError

FINE = 0
BAD = 1  # the thing asked about is bad: a failed run, a false check
USAGE = 2
# Of `nagare run` and `nagare commands follow`; a run that failed is BAD.
LOST = 10
NOT_RUN = 11
CANCELLED = 12
INTERNAL = 70
INTERRUPTED = 130
# 128 + SIGPIPE, what a program killed by a closed pipe ends with.
BROKEN_PIPE = 141
TERMINATED = 143

EXIT_BY_ERROR: Mapping[type[NagareError], int] = MappingProxyType(
    {
        NagareError: INTERNAL,
        errors.ConfigError: USAGE,
        errors.InputError: USAGE,
        errors.QuerySyntaxError: USAGE,
        errors.InvalidLabelError: USAGE,
        errors.UnsupportedMediaError: USAGE,
        errors.UnavailableError: 3,
        errors.ConnectFailedError: 3,
        errors.NotReadyError: 3,
        errors.OverloadedError: 3,
        errors.DeadlineExceededError: 4,
        errors.NotFoundError: 5,
        errors.UnauthenticatedError: 6,
        errors.PermissionDeniedError: 6,
        errors.ConflictError: 7,
        errors.StaleVersionError: 7,
        errors.LeaseLostError: 7,
        errors.LockedError: 7,
        errors.LimitExceededError: 8,
        errors.CardinalityError: 8,
        errors.RateLimitedError: 8,
        errors.BodyTooLargeError: 8,
        errors.ResultTooLargeError: 8,
        errors.StorageError: 9,
        errors.CorruptBlockError: 9,
        errors.CorruptSegmentError: 9,
        errors.DiskFullError: 9,
        errors.ReadOnlyError: 9,
    }
)

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        FINE: "fine",
        BAD: "the thing asked about is bad: a failed run, a false check",
        USAGE: "wrong usage, input or configuration",
        3: "unavailable or overloaded; try again",
        4: "not finished within the deadline",
        5: "nothing has that name",
        6: "not allowed, or not known",
        7: "conflict: somebody else was first",
        8: "a documented limit was reached",
        9: "the disk, or what stands on it",
        LOST: "a command is lost: it began, or may have begun, and nobody can say how it ended",
        NOT_RUN: "a command never began: it expired, nobody agreed to it, or its host could not be asked",
        CANCELLED: "a command was cancelled",
        INTERNAL: "a bug of ours",
        INTERRUPTED: "interrupted by Ctrl-C",
        BROKEN_PIPE: "the reader of our output went away",
        TERMINATED: "terminated before a clean end was possible",
    }
)


def exit_code_of(error: NagareError) -> int:
    """Return the exit status of ``error``: that of its class, or of the nearest class above it."""
    return next(EXIT_BY_ERROR[kind] for kind in type(error).__mro__ if kind in EXIT_BY_ERROR)
