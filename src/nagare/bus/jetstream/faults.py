"""What nats-py raises, in the words of the exception tree."""

from __future__ import annotations

from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError

from nagare.errors import (
    ConfigError,
    ConflictError,
    InputError,
    NagareError,
    NotFoundError,
    OverloadedError,
    StorageError,
    UnavailableError,
)

# Error codes of the JetStream API, as the server's errors.json has them.
_FULL = {10047, 10077}  # out of storage, or of a limit of the stream
_DUPLICATE_IN_PROCESS = 10158
_REPLICAS = {10005, 10074, 10123}  # no suitable peers; replicas without a cluster
WRONG_CONFIG = 10058
_NOT_ENABLED = {10039, 10076}
# What nats-py makes of a request that nobody answers has no code at all.
_NOBODY = 503

# What nats-py may raise where it reads or writes.
Fault = (NatsError, OSError, TimeoutError)


def is_passing(error: BaseException) -> bool:
    """Tell whether trying again may help: no leader yet, no answer, cut off, or the first of two repeats under way."""
    if isinstance(error, APIError):
        if error.err_code in _FULL or error.err_code in _REPLICAS or error.err_code in _NOT_ENABLED:
            return False
        return (error.code or _NOBODY) in (408, 409, 429, 500, _NOBODY) or error.err_code == _DUPLICATE_IN_PROCESS
    return isinstance(error, Fault)


def as_fault(error: BaseException, what: str) -> NagareError:
    """Return the error to raise in the place of ``error``; ``what`` is a verb and a thing."""
    if isinstance(error, APIError | NoRespondersError | NoStreamResponseError) and not getattr(error, "code", 0):
        return UnavailableError(
            f"cannot {what}: no JetStream answers", hint="it has no leader yet, or the servers run without JetStream"
        )
    if not isinstance(error, APIError):
        return UnavailableError(f"cannot {what}: {say(error)}")
    said = error.description or type(error).__name__
    if error.err_code in _FULL:
        return OverloadedError(
            f"cannot {what}: it is full ({said})", hint="messages leave it by age; see that what reads it keeps up"
        )
    if error.err_code in _REPLICAS:
        return ConfigError(f"cannot {what}: {said}", hint="bus.replicas is at most the number of NATS servers")
    if error.err_code in _NOT_ENABLED:
        return ConfigError(
            f"cannot {what}: {said}", hint="the NATS server needs a jetstream block in its configuration"
        )
    by_status: dict[int, type[NagareError]] = {
        404: NotFoundError,
        400: InputError,
        409: ConflictError,
        500: StorageError,
    }
    return by_status.get(error.code or 0, UnavailableError)(f"cannot {what}: {said}")


def say(error: BaseException) -> str:
    """Return what happened in a few words, which never hold a secret."""
    text = str(error).removeprefix("nats: ")
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
