"""What a provider says when it does not answer, in our own errors: what may be tried again, and what never helps.

Its own words are foreign text and may repeat the key that it was shown: they are cut, made harmless, and told without it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nagare.errors import ConfigError, LimitExceededError, NagareError, RateLimitedError, UnavailableError
from nagare.lib.plain_text import plain
from nagare.net.channels.secret import hidden

_WORDS_LIMIT = 300
_KEY_WORDS = re.compile(r"api[ _-]?key", re.IGNORECASE)


def fault_of(
    model: str, status: int, words: str, *, secret: str, retry_after_seconds: float | None = None
) -> NagareError:
    """Return the error for an answer of ``status`` that says ``words``."""
    told = f"cannot ask model {plain(model, 100)}"
    if status in (401, 403) or (status == 400 and _KEY_WORDS.search(words)):
        # Its words are not told at all: providers repeat parts of the key.
        return ConfigError(
            f"{told}: the provider refuses the key", hint="diagnosis.secret_file or diagnosis.secret_variable"
        )
    cause = (
        plain(hidden(words, secret) if secret else words, _WORDS_LIMIT) or f"the provider answered with status {status}"
    )
    if status == 429:
        return RateLimitedError(f"{told}: {cause}", retry_after_seconds=retry_after_seconds or 0.0)
    if status == 408 or status >= 500:
        return UnavailableError(f"{told}: {cause}", retry_after_seconds=retry_after_seconds)
    if status == 413:
        return LimitExceededError(f"{told}: {cause}")
    if 300 <= status < 400:
        cause = "the endpoint leads elsewhere"
    return ConfigError(f"{told}: {cause}", hint="diagnosis.model and diagnosis.endpoint")


def unreadable(model: str, cause: str) -> UnavailableError:
    """Return the error for an answer that is none: the next one may be."""
    return UnavailableError(f"cannot read answer of model {plain(model, 100)}: {cause}")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return what a ``Retry-After`` header says, in seconds from ``now``, or None."""
    told = headers.get("retry-after", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        return _until(told, now)
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _until(told: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, (when.astimezone(UTC) - now).total_seconds()) if when.tzinfo else None
