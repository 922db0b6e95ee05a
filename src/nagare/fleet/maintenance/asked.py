"""What a request for a maintenance window may say; pure checks."""

from __future__ import annotations

import math
import re
import uuid
from zoneinfo import ZoneInfo

from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.model.maintenance import Recurrence, Selector, Window
from nagare.wire.maintenance import RecurrenceDocument, WindowRequest

WHY_LIMIT = 200
_NAMES_LIMIT = 1000
_NAME_LIMIT = 256
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY_SECONDS = 86_400.0
# The year 5138: no date beyond it can be written.
_MOST_MS = 10**14
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def make_window(request: WindowRequest, made_by: str, now_ms: int) -> Window:
    """Return the window that is asked for. Raises InputError that points at the fault."""
    from_ms = now_ms if request.from_ms is None else request.from_ms
    if not 0 <= from_ms <= _MOST_MS:
        raise _fault("from_ms", "must be Unix milliseconds")
    if request.until_ms is not None and not from_ms < request.until_ms <= _MOST_MS:
        raise _fault("until_ms", "must lie after its beginning")
    if request.until_ms is None and request.recurrence is None:
        raise _fault("until_ms", "say when it ends, or when it recurs")
    if request.until_ms is not None and request.until_ms <= now_ms:
        raise _fault("until_ms", "it is over already")
    if not 0 < len(request.why) <= WHY_LIMIT or plain(request.why) != request.why:
        raise _fault("why", f"say why in 1 to {WHY_LIMIT} visible characters")
    recurrence = None if request.recurrence is None else _recurrence(request.recurrence)
    selector = _selector(request)
    return Window(uuid.uuid4().hex, selector, from_ms, request.until_ms, recurrence, request.why, made_by, now_ms)


def _selector(request: WindowRequest) -> Selector:
    if not (request.hosts or request.groups or request.labels):
        raise _fault("hosts", "say which hosts: by name, group or label")
    texts = (*request.hosts, *request.groups, *request.labels, *request.labels.values())
    if len(texts) > _NAMES_LIMIT or any(len(text) > _NAME_LIMIT or plain(text) != text for text in texts):
        raise _fault("hosts", f"at most {_NAMES_LIMIT} names, each of at most {_NAME_LIMIT} visible characters")
    return Selector(frozenset(request.hosts), frozenset(request.groups), dict(request.labels))


def _recurrence(document: RecurrenceDocument) -> Recurrence:
    clock = _CLOCK.fullmatch(document.at)
    if clock is None:
        raise _fault("recurrence/at", "must be a time of the clock, such as 02:30")
    seconds = document.duration_seconds
    if not (math.isfinite(seconds) and 0 < seconds <= _DAY_SECONDS):
        raise _fault("recurrence/duration_seconds", "must be more than nothing and at most a day")
    unknown = sorted(set(document.days) - set(DAYS))
    if unknown:
        raise _fault("recurrence/days", f"there are {', '.join(DAYS)}")
    try:
        ZoneInfo(document.zone)
    except (ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError, see below
        raise _fault("recurrence/zone", "is no time zone, such as Europe/Berlin") from error
    except KeyError as error:
        raise _fault("recurrence/zone", "is no time zone that this machine knows, such as Europe/Berlin") from error
    days = frozenset(DAYS.index(day) for day in document.days)
    return Recurrence(int(clock[1]) * 60 + int(clock[2]), seconds, days, document.zone)


def _fault(field: str, cause: str) -> InputError:
    return InputError(
        f"cannot make maintenance window: {field}: {cause}", errors=[{"pointer": f"#/{field}", "detail": cause}]
    )
