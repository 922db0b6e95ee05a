"""Addresses of views: what is written is read back, and what is wrong is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError, NagareError
from nagare.lib.plain_text import plain_lines
from nagare.tui.location import (
    ADDRESSES,
    ALERT_TABS,
    FITTED,
    INCIDENT_PAGES,
    JOB_TABS,
    TABS,
    Location,
    Window,
    format_location,
    parse_location,
    parse_window,
)

_NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._:-]{0,40}[A-Za-z0-9])?", fullmatch=True)
_SPANS = st.integers(min_value=10, max_value=3660 * 86400)
# Fixed windows lie in years that a calendar and a browser both write with four digits.
_ENDS = st.integers(min_value=330_000_000, max_value=4_000_000_000).map(lambda seconds: seconds * 1000)
_WINDOWS = st.builds(
    Window, st.just(FITTED.span_seconds), st.none() | _ENDS, st.just(value=True), st.none() | _ENDS
) | st.builds(Window, _SPANS, st.none() | _ENDS, st.just(value=False), st.none() | _ENDS)
_SORTS = st.just("") | st.from_regex(r"[a-z][a-z_]{0,10}(\.(asc|desc))?", fullmatch=True)
_LISTS = st.builds(
    Location,
    st.sampled_from(list(ADDRESSES)),
    st.just(""),
    st.just(""),
    st.text(max_size=40),
    _SORTS,
    _WINDOWS,
)
_HOSTS = st.builds(
    Location, st.just("host"), _NAMES, st.sampled_from(TABS), st.text(max_size=40), _SORTS, _WINDOWS
)  # fmt: skip


_JOBS = st.builds(
    Location, st.just("job"), st.just(""), st.sampled_from(JOB_TABS), st.text(max_size=40), _SORTS, _WINDOWS,
    job=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
)  # fmt: skip


_ALERTS = st.builds(
    Location, st.just("alerts"), st.just(""), st.sampled_from(("", *ALERT_TABS)), st.text(max_size=40), _SORTS, _WINDOWS
)  # fmt: skip


_INCIDENTS = st.builds(
    Location, st.sampled_from(list(INCIDENT_PAGES.values())), st.just(""), st.just(""), st.text(max_size=40), _SORTS, _WINDOWS,
    incident=st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
)  # fmt: skip


_MAPS = st.builds(
    Location, st.just("network"), st.just(""), st.sampled_from(("", "map")), st.text(max_size=40), _SORTS, _WINDOWS
)  # fmt: skip


_QUERIES = st.builds(
    Location, st.just("query"), st.just(""), st.just(""), st.just(""), st.just(""), _WINDOWS,
    sql=st.text(max_size=60).map(lambda text: plain_lines(text).strip()),
)  # fmt: skip


@given(_LISTS | _HOSTS | _JOBS | _ALERTS | _INCIDENTS | _MAPS | _QUERIES)
def test_an_address_gives_its_location_back(location: Location) -> None:
    assert parse_location(format_location(location)) == location


@given(st.text(max_size=60))
def test_any_text_is_a_location_or_a_clear_error(text: str) -> None:
    outcome = ""
    try:
        parse_location(text)
    except NagareError as error:
        outcome = error.message
    assert outcome == "" or outcome.startswith("cannot ")


def _check(text: str, location: Location) -> None:
    assert parse_location(text) == location


def test_addresses_that_people_write() -> None:
    _check("", Location())
    _check("overview", Location())
    _check("hosts", Location("hosts"))
    _check("hosts?filter=cpu>80&sort=cpu&t=-1h", Location("hosts", filter="cpu>80", sort="cpu", window=Window(3600)))
    _check("hosts?filter=role:db cpu>80&t=-1h", Location("hosts", filter="role:db cpu>80", window=Window(3600)))
    _check("hosts?filter=cpu>=80&sort=cpu.asc", Location("hosts", filter="cpu>=80", sort="cpu.asc"))
    _check("commands?filter=state:failed&t=-1d", Location("commands", filter="state:failed", window=Window(86400)))
    _check("commands/0a1b2c", Location("job", tab="hosts", job="0a1b2c"))
    _check("commands/0a1b2c/plan", Location("job", tab="plan", job="0a1b2c"))
    _check("incidents/0a1b2c", Location("incident", incident="0a1b2c"))
    _check("incidents/0a1b2c/timeline", Location("timeline", incident="0a1b2c"))
    _check("notifications?filter=state:dead", Location("notifications", filter="state:dead"))
    _check("hosts/web-12", Location("host", "web-12", "timeline"))
    _check("hosts/web-12/processes?t=15m", Location("host", "web-12", "processes", window=Window(900)))
    _check(
        "hosts/db?t=2026-01-31T14:00:00Z..2026-01-31T15:00:00%2B00:00",
        Location("host", "db", "timeline", window=Window(3600, 1_769_871_600_000)),
    )


def _check_refused(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_location(text)
    assert part in f"{caught.value.message} {caught.value.hint}"


def test_what_is_wrong_is_named() -> None:
    _check_refused("hots", "did you mean 'hosts'?")
    _check_refused("overview/x", "only hosts/NAME")
    _check_refused("hosts/a/b/c", "only hosts/NAME")
    _check_refused("hosts/web/proceses", "did you mean 'processes'?")
    _check_refused("incidents/a/delivries", "did you mean 'deliveries'?")
    _check_refused("incidents/a%20b", "`nagare incidents list` lists them")
    _check_refused("hosts?fliter=x", "did you mean 'filter'?")
    _check_refused("hosts?t=yesterdayish", "yesterdayish")
    _check_refused("hosts?t=-1s", "between 10s and")
    _check_refused("hosts?sort=cpu;drop", "cpu;drop")
    _check_refused("hosts?t=2026-01-31T14:00:00..2026-01-31T15:00:00Z", "time zone")
    _check_refused("hosts?t=2026-01-31T15:00:00Z..2026-01-31T14:00:00Z", "the end after the start")
    _check_refused("hosts/..%2F..%2Fetc", "host name")


def test_a_live_window_moves_and_a_fixed_one_does_not() -> None:
    assert parse_window("-5m").bounds_ms(1_000_000) == (700_000, 1_000_000)
    fixed = parse_window("2026-01-31T14:00:00Z..2026-01-31T14:10:00Z")
    assert fixed.bounds_ms(1) == fixed.bounds_ms(2)
    assert not fixed.is_live


def test_a_window_that_nobody_chose_grows_with_the_data() -> None:
    now_ms = 1_760_000_000_000
    spans = {
        age: FITTED.fit(now_ms - age * 1000, now_ms).span_seconds for age in (0, 120, 121, 300, 301, 600, 601, 90_000)
    }
    assert spans == {0: 120, 120: 120, 121: 300, 300: 300, 301: 600, 600: 600, 601: 900, 90_000: 900}
    assert FITTED.fit(None, now_ms) == FITTED
    assert Window(3600).fit(now_ms, now_ms) == Window(3600)


def test_an_address_tells_a_chosen_window_from_a_fitted_one() -> None:
    assert format_location(Location()) == "overview"
    assert format_location(Location(window=Window(900))) == "overview?t=-15m"
    assert parse_location("overview?t=auto") == Location()
