"""The exception tree that every room raises from and every edge maps.

The tree::

    NagareError
      ConfigError                    the configuration cannot be used
      InputError                     what was asked is not lawful
        QuerySyntaxError             SQL that does not parse, names nothing known, or is refused
        InvalidLabelError            a name or label outside the lawful alphabet
        UnsupportedMediaError        a content type or encoding that is not spoken here
        UpdateRefusedError           an update, or what says which there are, cannot be trusted
        CommandRefusedError          a command is not what was approved, or not for this host
      UnauthenticatedError           no credentials, or wrong ones
      PermissionDeniedError          known, but not allowed
        HostPendingError             the host waits for an operator's word
        HostKeyError                 a host that is to be logged in to shows a key that is not trusted
      NotFoundError                  nothing has that name
      ConflictError                  somebody else was first
        StaleVersionError            the thing changed since it was read
        LeaseLostError               the lease ran out or was taken over
        LockedError                  another process owns the installation
      LimitExceededError             a documented bound was reached
        CardinalityError             too many series, tables or columns
        RateLimitedError             too many requests; ``retry_after_seconds`` says when
        BodyTooLargeError            the body exceeds its cap, packed or unpacked
        ResultTooLargeError          a query wants too many rows or too much memory
      UnavailableError               not now; try again
        ConnectFailedError           the other side cannot be reached
        BucketUnavailableError       the bucket of the blocks cannot be reached or refuses
        NotReadyError                starting or stopping
        OverloadedError              a bounded queue is full
      DeadlineExceededError          not finished within the caller's deadline
      StorageError                   the disk, or what stands on it
        CorruptBlockError            a block does not read back
        CorruptSegmentError          a log segment does not read back
        DiskFullError                no room left
        ReadOnlyError                the place cannot be written
    InvariantError                   outside the tree: a broken belief of ours, always a bug

HTTP status numbers live in ``server/problems.py`` and exit numbers in ``cli/exit_codes.py``; a test walks
all subclasses and fails on one that either map forgets. This module imports nothing of ours.
"""

from __future__ import annotations

from typing import Any, ClassVar


class NagareError(Exception):
    """Root of what Nagare raises on purpose.

    ``message`` reads "cannot <verb> <thing> <value>: <cause>", lower case, no period, never a secret.
    ``hint`` is the way out for a person; ``context`` holds fields for logs and the problem document.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "", context: dict[str, Any] | None = None) -> None:
        """Keep the message, the hint and the fields."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: dict[str, Any] = context or {}


class ConfigError(NagareError):
    """The configuration cannot be used."""

    code = "config-invalid"


class InputError(NagareError):
    """What was asked is not lawful; ``errors`` may point at each fault."""

    code = "input-invalid"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        context: dict[str, Any] | None = None,
        errors: list[dict[str, Any]] | None = None,
    ) -> None:
        """Keep the pointers beside the message."""
        super().__init__(message, hint=hint, context=context)
        self.errors: list[dict[str, Any]] = errors or []


class QuerySyntaxError(InputError):
    """A query that does not parse, names nothing known, or is refused."""

    code = "query-refused"


class InvalidLabelError(InputError):
    """A name or label outside the lawful alphabet."""

    code = "label-invalid"


class UnsupportedMediaError(InputError):
    """A content type or encoding that is not spoken here."""

    code = "media-unsupported"


class UpdateRefusedError(InputError):
    """An update, or what says which there are, cannot be trusted; ``reason`` is a word of ``model.updates.Reason``."""

    code = "update-refused"

    def __init__(
        self, message: str, *, hint: str = "", context: dict[str, Any] | None = None, reason: str = ""
    ) -> None:
        """Keep the reason, and name it in the message."""
        errors = [{"pointer": "#", "detail": str(reason)}] if reason else None
        super().__init__(f"{message} ({reason})" if reason else message, hint=hint, context=context, errors=errors)
        self.reason = str(reason)


class CommandRefusedError(InputError):
    """A command that will not run; ``reason`` is a word of ``model.command.result.Reason``."""

    code = "command-refused"

    def __init__(
        self, message: str, *, reason: str = "", hint: str = "", context: dict[str, Any] | None = None
    ) -> None:
        """Keep the reason, and point at the whole."""
        errors = [{"pointer": "#", "detail": str(reason)}] if reason else None
        super().__init__(message, hint=hint, context=context, errors=errors)
        self.reason = str(reason)


class UnauthenticatedError(NagareError):
    """No credentials, or wrong ones."""

    code = "unauthenticated"


class PermissionDeniedError(NagareError):
    """The caller is known, but not allowed."""

    code = "permission-denied"


class HostPendingError(PermissionDeniedError):
    """The host waits for an operator's word; ``retry_after_seconds`` may say when to ask again."""

    code = "host-pending"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        context: dict[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep the delay, in seconds, beside the message."""
        super().__init__(message, hint=hint, context=context)
        self.retry_after_seconds = retry_after_seconds


class HostKeyError(PermissionDeniedError):
    """A host that is to be logged in to shows a key that is not trusted: a new one, or another than is known."""

    code = "host-key-untrusted"


class NotFoundError(NagareError):
    """Nothing has that name."""

    code = "not-found"


class ConflictError(NagareError):
    """Somebody else was first."""

    code = "conflict"


class StaleVersionError(ConflictError):
    """The thing changed since it was read."""

    code = "version-stale"


class LeaseLostError(ConflictError):
    """The lease ran out or was taken over."""

    code = "lease-lost"


class LockedError(ConflictError):
    """Another process owns the installation; ``context["pid"]`` names it."""

    code = "installation-locked"


class LimitExceededError(NagareError):
    """A documented bound was reached."""

    code = "limit-exceeded"


class CardinalityError(LimitExceededError):
    """Too many series, tables or columns."""

    code = "cardinality-exceeded"


class RateLimitedError(LimitExceededError):
    """Too many requests."""

    code = "rate-limited"

    def __init__(self, message: str, *, retry_after_seconds: float, hint: str = "") -> None:
        """Say when to come back, in seconds."""
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class BodyTooLargeError(LimitExceededError):
    """The body exceeds its cap, packed or unpacked."""

    code = "body-too-large"


class ResultTooLargeError(LimitExceededError):
    """A query wants too many rows or too much memory."""

    code = "result-too-large"


class UnavailableError(NagareError):
    """Not now; try again. ``retry_after_seconds`` may say when."""

    code = "unavailable"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        context: dict[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep the delay, in seconds, beside the message."""
        super().__init__(message, hint=hint, context=context)
        self.retry_after_seconds = retry_after_seconds


class ConnectFailedError(UnavailableError):
    """The other side cannot be reached."""

    code = "connect-failed"


class BucketUnavailableError(UnavailableError):
    """The bucket that holds the blocks cannot be reached or refuses."""

    code = "bucket-unavailable"


class NotReadyError(UnavailableError):
    """The service is starting or stopping."""

    code = "not-ready"


class OverloadedError(UnavailableError):
    """A bounded queue is full."""

    code = "overloaded"


class DeadlineExceededError(NagareError):
    """Not finished within the caller's deadline."""

    code = "deadline-exceeded"


class StorageError(NagareError):
    """The disk failed, or what stands on it is not what was written."""

    code = "storage-failed"


class CorruptBlockError(StorageError):
    """A block does not read back."""

    code = "block-corrupt"


class CorruptSegmentError(StorageError):
    """A log segment does not read back."""

    code = "segment-corrupt"


class DiskFullError(StorageError):
    """No room left on the device."""

    code = "disk-full"


class ReadOnlyError(StorageError):
    """The place cannot be written."""

    code = "read-only"


class InvariantError(Exception):
    """A broken belief of ours, always a bug; the message says what must hold and what was seen."""
