"""Notices in plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.interop.outgoing.bounds import Size, cut, json_bytes, utf16_units
from nagare.interop.outgoing.text import body, render, title
from nagare.lib.plain_text import plain_lines
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Notice
from tests.support.outgoing_notices import NOTICES, START_MS, delivery, line, notice, over, trial

EVIL = "[Acknowledge](https://e.example) ![t](https://e.example/x.png) [a][b] <https://e.example|Acknowledge>"
SIZES: list[Size] = [len, utf16_units, json_bytes]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (notice(), "[FIRING:1] DiskFull on web1 (critical)"),
        (notice(line("web1"), line("web2"), firing_count=460), "[FIRING:460] DiskFull on web1 and others (critical)"),
        (notice(line("web1"), line("web1", name="Load"), severity=1), "[FIRING:2] DiskFull and others on web1 (warning)"),
        (notice(line(""), severity=2), "[FIRING:1] DiskFull (high)"),
        (over(), "[RESOLVED] DiskFull on web1"),
        (over(reason=Reason.MOVED), "[MOVED] DiskFull on web1"),
        (over(held_count=1), "[SOME RESOLVED] DiskFull on web1"),
        (trial(), "[TEST] this channel works"),
        (notice(reason=Reason.TEST), "[TEST] DiskFull on web1"),
        (notice(line("a\x1b[31m\nb", name="\u202eevil")), "[FIRING:1] \N{REPLACEMENT CHARACTER}evil on a␛[31m b (critical)"),
    ],
)  # fmt: skip
def test_a_title_says_how_many_what_and_where(told: Notice, words: str) -> None:
    assert title(told) == words


def test_a_body_says_of_each_alert_what_people_ask() -> None:
    told = notice(
        line("web1"), line("web2", severity=1, value=None, summary="", owner="ann", starts_ms=START_MS + 60_000)
    )
    assert body(told, 1000) == (
        "web1: / is 93 % full (value 93.2, since 2025-10-09 08:53 UTC)\nweb2 (warning, since 2025-10-09 08:54 UTC, ann has it)"
    )


def test_what_differs_in_name_is_named() -> None:
    told = notice(line("web1"), line("web1", name="Load", summary="12"))
    assert [row.partition(" (")[0] for row in body(told, 1000).splitlines()] == [
        "DiskFull on web1: / is 93 % full",
        "Load on web1: 12",
    ]


def test_an_end_says_how_long_it_was() -> None:
    assert body(over(), 1000) == "resolved: web1: / is 93 % full (after 12m30s)"
    mixed = notice(reason=Reason.RESOLVED, resolved=(line("web2"),), resolved_count=1)
    assert body(mixed, 1000).splitlines()[::2] == ["some alerts resolved", "resolved: web2: / is 93 % full"]


@pytest.mark.parametrize("reason", [Reason.ESCALATED, Reason.REPEAT, Reason.NEW])
def test_why_people_hear_of_it_again_comes_first(reason: Reason) -> None:
    assert body(notice(reason=reason), 1000).splitlines()[0] == reason.value


def test_a_test_frightens_nobody() -> None:
    assert body(trial(), 1000) == "a test: nobody has to do anything"


def test_whoever_passes_it_on_calls_nobody() -> None:
    told = notice(line("@everyone", summary="<!channel> <@1>"))
    head, text = render(delivery(told), "https://n.example/a@b")
    assert head == "[FIRING:1] DiskFull on @\u2060everyone (critical)"
    assert text.startswith("@\u2060everyone: <\u2060!channel> <\u2060@\u20601> (value 93.2, ")
    assert text.endswith("\n\nAcknowledge: https://n.example/a@b")


def test_whoever_passes_it_on_links_nothing_of_others() -> None:
    told = notice(line("[Acknowledge]", summary="https://e.example"), line("web2", summary=EVIL))
    head, text = render(delivery(told), "https://n.example/a")
    assert head == "[FIRING:2] DiskFull on [Acknowledge] and others (critical)"
    first, second, _, foot = text.split("\n")
    assert first.startswith("[Acknowledge]\u2060: https://e.example (value")
    assert second.startswith(
        "web2: [Acknowledge]\u2060(https://e.example) ![t]\u2060(https://e.example/x.png) [a]\u2060[b] <\u2060https://e.example|Acknowledge> ("
    )
    assert foot == "Acknowledge: https://n.example/a"


def test_what_is_not_named_is_counted() -> None:
    told = notice(*(line(f"web{number}") for number in range(50)), firing_count=510)
    assert body(told, 100_000).splitlines()[-1] == "and 460 more"
    rows = body(told, 500).splitlines()
    assert rows[-1] == f"and {510 - len(rows) + 1} more"
    assert len("\n".join(rows)) <= 500


def test_where_not_one_fits_there_is_still_their_number() -> None:
    assert body(notice(line(summary="x" * 400), firing_count=3), 100) == "3 alerts"


@given(told=NOTICES, limit=st.integers(20, 5000), size=st.sampled_from(SIZES))
def test_any_notice_stays_within_any_bound_and_harmless(told: Notice, limit: int, size: Size) -> None:
    text = body(told, limit, size)
    assert size(text) <= limit
    assert text
    assert plain_lines(text) == text
    assert title(told)
    assert len(title(told)) < 400


@given(text=st.text(), limit=st.integers(0, 50), size=st.sampled_from(SIZES))
def test_a_text_is_cut_at_a_character(text: str, limit: int, size: Size) -> None:
    shown = cut(text, limit, size)
    assert size(shown) <= limit
    assert shown == text or text.startswith(shown.removesuffix("…"))


@given(text=st.text())
def test_sizes_are_what_the_providers_count(text: str) -> None:
    assert utf16_units(text) == len(text.encode("utf-16-le")) // 2
    assert json_bytes(text) >= len(text.encode())
