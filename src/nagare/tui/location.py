"""The address of a view: ``hosts?filter=cpu>80&sort=cpu.desc&t=-1h``, copyable and accepted by ``nagare top``.

A location is all that a screen needs to show the same thing again. Text in, value out, and back; nothing is looked up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from nagare.errors import InputError
from nagare.lib.names import check_host
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain_lines
from nagare.lib.units import parse_duration

ADDRESSES = (
    "overview", "hosts", "alerts", "incidents", "notifications", "silences", "rules", "routes", "heartbeats", "network", "commands",
    "tasks", "schedules", "diagnose", "query", "shells",
)  # fmt: skip
TABS = (
    "timeline",
    "processes",
    "cores",
    "disks",
    "network",
    "gpus",
    "units",
    "containers",
    "sensors",
    "events",
    "agent",
)
JOB_TABS = ("hosts", "together", "plan")
# Lists of alerts beside those that need somebody.
ALERT_TABS = ("acknowledged", "pending", "history")
# What the network is looked at by beside its list.
NETWORK_TABS = ("map",)
# What an incident is looked at by: each is a page, the first of which is its alerts.
INCIDENT_TABS = ("alerts", "deliveries", "timeline")
INCIDENT_PAGES = dict(zip(INCIDENT_TABS, ("incident", "deliveries", "timeline"), strict=True))
DEFAULT_SPAN_SECONDS = 900
# What a live window that nobody chose may be: the least that holds the oldest sample.
FIT_SPANS_SECONDS = (120, 300, 600, DEFAULT_SPAN_SECONDS)
# What the charts' time axis can show.
SPAN_LIMITS_SECONDS = (10, 3660 * 86400)
# What the server takes of one statement.
SQL_LIMIT = 32_768
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SAFE = " ><=!:,.;/|*()[]{}@~^$'\""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: the last ``span_seconds`` up to ``end_ms``, or up to now when that is None (live).

    One that nobody chose ``is_fitted``: it grows with the data there is, up to ``span_seconds``. ``at_ms`` is a moment that is
    looked at, by a crosshair.
    """

    span_seconds: int = DEFAULT_SPAN_SECONDS
    end_ms: int | None = None
    is_fitted: bool = False
    at_ms: int | None = None

    @property
    def is_live(self) -> bool:
        """Tell whether the window moves with the clock."""
        return self.end_ms is None

    @property
    def moment_ms(self) -> int | None:
        """The moment of the past that the room shows: the one looked at, else the end of a past window; None for now."""
        return self.end_ms if self.at_ms is None else self.at_ms

    def live(self) -> Window:
        """Return the window of the same length that moves with the clock."""
        return replace(self, end_ms=None, at_ms=None)

    def moved(self, delta_ms: int, now_ms: int) -> Window:
        """Return the window whose moment lies ``delta_ms`` further on, in whole seconds; one that reaches now is live again."""
        at_ms = now_ms if self.moment_ms is None else self.moment_ms
        moment = max(0, at_ms + delta_ms) // 1000 * 1000
        if moment >= now_ms:
            return self.live()
        start_ms, end_ms = self.bounds_ms(now_ms)
        if self.at_ms is None:
            return replace(self, end_ms=moment)
        if start_ms <= moment <= end_ms:
            return replace(self, at_ms=moment)
        end_ms = (end_ms + delta_ms) // 1000 * 1000
        return replace(self, at_ms=moment, end_ms=None if end_ms >= now_ms else max(0, end_ms))

    def bounds_ms(self, now_ms: int) -> tuple[int, int]:
        """Return start and end in Unix milliseconds."""
        end = now_ms if self.end_ms is None else self.end_ms
        return end - self.span_seconds * 1000, end

    def fit(self, oldest_ms: int | None, now_ms: int) -> Window:
        """Return the window to show when the oldest sample is of ``oldest_ms``; None while that is not known."""
        if not self.is_fitted or oldest_ms is None:
            return self
        end_ms = now_ms if self.end_ms is None else self.end_ms
        fitting = (span for span in FIT_SPANS_SECONDS if end_ms - oldest_ms <= span * 1000)
        return replace(self, span_seconds=next(fitting, DEFAULT_SPAN_SECONDS))


FITTED = Window(is_fitted=True)


def around(moment_ms: int, span_seconds: int, now_ms: int) -> Window:
    """Return the window that looks at a moment, which stands in its middle; one that would reach beyond now goes on with the clock."""
    at_ms = moment_ms // 1000 * 1000
    is_new = now_ms - at_ms < span_seconds * 500
    return Window(span_seconds, None if is_new else at_ms + span_seconds * 500, at_ms=at_ms)


@dataclass(frozen=True, slots=True)
class Location:
    """Page, host, job, incident or diagnosis, tab, filter, order, time and statement. ``sort`` is a column id with ``.asc`` or ``.desc``, empty for the usual."""

    page: str = "overview"
    host: str = ""
    tab: str = ""
    filter: str = ""
    sort: str = ""
    window: Window = FITTED
    job: str = ""
    incident: str = ""
    diagnosis: str = ""
    # What stands in the field of screen 8.
    sql: str = ""

    def with_host(self, host: str, tab: str = "") -> Location:
        """Return the detail page of ``host`` at the same time."""
        return Location("host", host, tab or "timeline", window=self.window)

    def with_job(self, job: str, tab: str = "") -> Location:
        """Return the detail page of ``job`` at the same time."""
        return Location("job", tab=tab or "hosts", window=self.window, job=job)

    def with_incident(self, incident: str, tab: str = "") -> Location:
        """Return the detail page of ``incident`` at the same time."""
        return Location(INCIDENT_PAGES[tab or INCIDENT_TABS[0]], window=self.window, incident=incident)


def parse_location(text: str) -> Location:
    """Return the location that ``text`` writes. Raises InputError naming the part that is wrong."""
    path, _, query = text.strip().partition("?")
    page, *rest = path.strip("/").split("/")
    page = page or "overview"
    if page not in ADDRESSES:
        raise InputError(
            f"cannot open {page[:60]!r}: no such screen",
            hint=did_you_mean(page, ADDRESSES)
            or f"one of {', '.join(ADDRESSES)}, hosts/NAME, commands/ID, incidents/ID, diagnose/ID, alerts/TAB, network/map",
        )
    if len(rest) > _DEPTHS.get(page, 0):
        raise InputError(
            f"cannot open {path[:80]!r}: only hosts/NAME/TAB, commands/ID/TAB, incidents/ID/TAB, diagnose/ID, alerts/TAB and network/map go deeper"
        )
    location = _inside(page, unquote(rest[0]), rest[1] if len(rest) == 2 else "") if rest else Location(page)
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        location = _with_part(location, name, unquote(value))
    return location


# How many parts may stand behind the name of a page.
_DEPTHS = {"hosts": 2, "commands": 2, "incidents": 2, "alerts": 1, "diagnose": 1, "network": 1}
# What an id in an address is of, and the command that lists such.
_IDS = {
    "commands": ("job", "commands list"),
    "incidents": ("incident", "incidents list"),
    "diagnose": ("diagnosis", "query 'SELECT id, summary FROM diagnoses'"),
}


def _inside(page: str, name: str, tab: str) -> Location:
    if page == "alerts":
        return Location("alerts", tab=_check_tab(name, ALERT_TABS))
    if page == "network":
        return Location("network", tab=_check_tab(name, NETWORK_TABS))
    if page == "hosts":
        return Location("host", check_host(name), tab=_check_tab(tab or TABS[0], TABS))
    what, verb = _IDS[page]
    if _ID.fullmatch(name) is None:
        raise InputError(f"cannot open {what} {name[:40]!r}: it is no id of one", hint=f"`nagare {verb}` lists them")
    if page == "diagnose":
        return Location("diagnose", diagnosis=name)
    if page == "incidents":
        return Location().with_incident(name, _check_tab(tab or INCIDENT_TABS[0], INCIDENT_TABS))
    return Location("job", tab=_check_tab(tab or JOB_TABS[0], JOB_TABS), job=name)


def _check_tab(tab: str, tabs: tuple[str, ...]) -> str:
    if tab not in tabs:
        raise InputError(
            f"cannot open tab {tab[:40]!r}: no such tab", hint=did_you_mean(tab, tabs) or f"one of {', '.join(tabs)}"
        )
    return tab


def _with_part(location: Location, name: str, value: str) -> Location:
    match name:
        case "filter":
            return replace(location, filter=value)
        case "sort":
            return replace(location, sort=_check_sort(value))
        case "t":
            return replace(location, window=replace(parse_window(value), at_ms=location.window.at_ms))
        case "at":
            return replace(location, window=replace(location.window, at_ms=_parse_moment(value)))
        case "sql" if location.page == "query":
            return replace(location, sql=_check_sql(value))
    known = ("filter", "sort", "t", "at", *(("sql",) if location.page == "query" else ()))
    raise InputError(f"cannot open {name[:40]!r}: no such part of an address here", hint=did_you_mean(name, known))


def _check_sql(value: str) -> str:
    if len(value) > SQL_LIMIT:
        raise InputError(f"cannot open query of {len(value)} letters: {SQL_LIMIT} at the most")
    return plain_lines(value).strip()


def _check_sort(value: str) -> str:
    column, _, direction = value.partition(".")
    if not column.replace("_", "").isalnum() or not column.isascii() or direction not in ("", "asc", "desc"):
        raise InputError(f"cannot sort by {value[:40]!r}: write a column, then .asc or .desc if you like")
    return value


def format_location(location: Location) -> str:
    """Return the address of ``location``; ``parse_location`` gives the same value back."""
    path = location.page
    if location.page == "host":
        path = f"hosts/{quote(location.host, safe=':')}" + (f"/{location.tab}" if location.tab != "timeline" else "")
    elif location.page == "job":
        path = f"commands/{location.job}" + (f"/{location.tab}" if location.tab != JOB_TABS[0] else "")
    elif location.incident:
        tab = next(tab for tab, page in INCIDENT_PAGES.items() if page == location.page)
        path = f"incidents/{location.incident}" + (f"/{tab}" if tab != INCIDENT_TABS[0] else "")
    elif location.diagnosis:
        path += f"/{location.diagnosis}"
    elif location.page in ("alerts", "network") and location.tab:
        path += f"/{location.tab}"
    parts = []
    if location.filter:
        parts.append(f"filter={quote(location.filter, safe=_SAFE)}")
    if location.sort:
        parts.append(f"sort={location.sort}")
    if location.sql and location.page == "query":
        parts.append(f"sql={quote(location.sql, safe=_SAFE)}")
    parts += _time_parts(location.window)
    return path + ("?" + "&".join(parts) if parts else "")


def _time_parts(window: Window) -> list[str]:
    parts = [] if window.is_fitted and window.is_live else [f"t={format_window(window)}"]
    return parts if window.at_ms is None else [*parts, f"at={_format_moment(window.at_ms)}"]


def parse_window(text: str) -> Window:
    """Return the window of ``-1h`` (live), ``2026-01-31T14:05:00Z..2026-01-31T15:05:00Z``, ``auto`` or ``auto..MOMENT``. Raises InputError."""
    stripped = text.strip()
    if stripped == "auto":
        return FITTED
    first, dots, last = stripped.partition("..")
    if dots and first == "auto":
        return replace(FITTED, end_ms=_parse_moment(last) // 1000 * 1000)
    if dots:
        start_ms, end_ms = _parse_moment(first), _parse_moment(last)
        if start_ms % 1000 or end_ms % 1000 or end_ms <= start_ms:
            raise InputError(f"cannot show {stripped[:80]!r}: whole seconds, the end after the start")
        return Window(_check_span((end_ms - start_ms) / 1000), end_ms)
    return Window(_check_span(parse_duration(stripped.removeprefix("-"))))


def format_window(window: Window) -> str:
    """Return ``-15m`` for a live window, two moments for a fixed one, ``auto..MOMENT`` for one whose length nobody chose."""
    if window.end_ms is None:
        return "-" + format_span(window.span_seconds)
    if window.is_fitted:
        return f"auto..{_format_moment(window.end_ms)}"
    start_ms, end_ms = window.bounds_ms(0)
    return f"{_format_moment(start_ms)}..{_format_moment(end_ms)}"


def format_span(seconds: int) -> str:
    """Return a span in its largest whole units: ``15m``, ``1h30m``, ``7d``."""
    text = ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _check_span(seconds: float) -> int:
    least, most = SPAN_LIMITS_SECONDS
    if not least <= seconds <= most:
        raise InputError(
            f"cannot show {format_span(round(seconds))}: between {format_span(least)} and {format_span(most)}"
        )
    return round(seconds)


def _parse_moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"cannot read moment {text[:40]!r}: not a date and time", hint="write it as 2026-01-31T14:05:00Z"
        ) from error
    if moment.tzinfo is None:
        raise InputError(f"cannot read moment {text[:40]!r}: it names no time zone", hint="end it with Z or +02:00")
    return round(moment.timestamp() * 1000)


def _format_moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
