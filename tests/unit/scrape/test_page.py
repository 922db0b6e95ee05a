"""From a page's bytes to the samples that are kept."""

import gzip
from typing import Any

import pytest

from nagare.config.settings import ScrapeJob
from nagare.errors import BodyTooLargeError, CardinalityError, InputError, UnsupportedMediaError
from nagare.scrape.page import Page, PageReader, Taken
from nagare.scrape.targets import targets_of
from tests.support.interned import Interned

TEXT = "text/plain; version=0.0.4"
TS = 1_760_000_000_000


def _reader(interned: Interned, **settings: Any) -> PageReader:
    (target,) = targets_of([ScrapeJob(job="j", urls=("http://h:1/m",), **settings)])
    return PageReader(target, interned)


def _told(interned: Interned, taken: Taken) -> list[tuple[str, dict[str, str], int, float]]:
    return interned.told(taken.samples)


def test_labels_of_the_target_are_added_and_times_kept() -> None:
    interned = Interned()
    taken = _reader(interned).read(Page(b'a{job="mine"} 1\nb 2 1500\n', "", TEXT), TS)
    own = {"job": "j", "instance": "h:1"}
    assert _told(interned, taken) == [("a", {**own, "exported_job": "mine"}, TS, 1.0), ("b", own, 1500, 2.0)]


def test_labels_and_times_of_the_page_are_honoured_or_not_as_set() -> None:
    interned = Interned()
    reader = _reader(interned, honor_labels=True, honor_timestamps=False)
    taken = reader.read(Page(b'a{job="mine"} 1 1500\n', "", TEXT), TS)
    assert _told(interned, taken) == [("a", {"job": "mine", "instance": "h:1"}, TS, 1.0)]


def test_metrics_left_out_are_counted_as_scraped_and_never_numbered() -> None:
    interned = Interned()
    reader = _reader(interned, drop=("go_.*",))
    page = Page(b"# HELP go_x hidden\ngo_x 1\nnode_x 2\ngo_y 3\n", "", TEXT)
    for _ in range(2):
        taken = reader.read(page, TS)
        assert (taken.scraped, len(taken.samples), taken.metadata) == (3, 1, ())
    assert [name for name, _ in interned.by_key] == ["node_x"]


def test_a_page_like_the_last_one_asks_for_no_series_again() -> None:
    interned = Interned()
    reader = _reader(interned)
    reader.read(Page(b'a{b="c"} 1\nd 2\n', "", TEXT), TS)
    calls = interned.calls
    reader.read(Page(b'a{b="c"} 3\nd 4\n', "", TEXT), TS + 1)
    assert interned.calls == calls


def test_series_past_the_limit_do_not_reach_the_store() -> None:
    interned = Interned()
    reader = _reader(interned, sample_limit=10)
    page = Page("".join(f'a{{n="{number}"}} 1\n' for number in range(1000)).encode(), "", TEXT)
    with pytest.raises(CardinalityError, match="more than 10 samples"):
        reader.read(page, TS)
    assert len(interned.by_key) == 10


def test_known_series_count_against_the_limit_too() -> None:
    reader = _reader(Interned(), sample_limit=2)
    reader.read(Page(b"a 1\nb 1\n", "", TEXT), TS)
    with pytest.raises(CardinalityError):
        reader.read(Page(b"a 1\nb 1\nc 1\n", "", TEXT), TS)


def test_the_cache_of_lines_does_not_grow_for_ever() -> None:
    interned = Interned()
    reader = _reader(interned)
    for number in range(300):
        page = "".join(f'a{{n="{number}-{line}"}} 1\n' for line in range(10)).encode()
        reader.read(Page(page, "", TEXT), TS + number)
    assert len(reader._known) <= 1100


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (Page(b"\x00\xff\xfe garbage {{{", "", TEXT), InputError),
        (Page(b"<html><body>Hello</body></html>", "", "text/html"), UnsupportedMediaError),
        (Page(b'{"a": 1}', "", "application/json"), UnsupportedMediaError),
        (Page(gzip.compress(b"a 1\n" * 10_000_000), "gzip", TEXT), BodyTooLargeError),
        (Page(gzip.compress(b"a 1\n")[:-4], "gzip", TEXT), InputError),
        (Page(b"a 1\n", "br", TEXT), UnsupportedMediaError),
        (Page(b"a 1\n", "", "application/openmetrics-text"), InputError),
    ],
    ids=["garbage", "html", "json", "bomb", "cut", "encoding", "no EOF"],
)
def test_what_is_no_page_is_refused(page: Page, error: type[Exception]) -> None:
    with pytest.raises(error):
        _reader(Interned(), body_limit_bytes=1 << 20).read(page, TS)
