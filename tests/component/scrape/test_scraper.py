"""The scraper against real exporters: good ones, ones that hang, die, lie and change."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from nagare.config.settings import ScrapeJob
from nagare.errors import DiskFullError
from nagare.lib.clock import ManualClock
from nagare.model.event import Event
from nagare.scrape import fetch
from nagare.scrape.service import Scraper
from tests.support.exporters import Exporter, exporting
from tests.support.kept_samples import WAIT_SECONDS, KeptSamples

INTERVAL = 10.0


class Scraping:
    """A running scraper, its clock, and what came of it."""

    def __init__(self, jobs: list[ScrapeJob]) -> None:
        self.clock = ManualClock()
        self.store = KeptSamples()
        self.events: list[Event] = []
        self.scraper = Scraper(jobs, self.store, self.clock, self._tell)

    async def _tell(self, event: Event) -> None:
        self.events.append(event)

    async def round(self, count: int = 1) -> None:
        """Let every target be scraped once; wait until ``count`` scrapes are stored."""
        wanted = self.store.appends + count
        await self.clock.advance(INTERVAL)
        await self.store.until(lambda: self.store.appends >= wanted)
        # The events of a scrape follow its samples.
        await self.clock.advance(0)

    async def apply(self, *jobs: ScrapeJob) -> None:
        """Change the jobs; return when their loops wait for their first tick."""
        before = [id(task) for task in asyncio.all_tasks()]
        self.scraper.apply(jobs)
        async with asyncio.timeout(WAIT_SECONDS):
            while not any(id(task) not in before for task in asyncio.all_tasks()):
                await self.clock.advance(0)
        await self.clock.advance(0)

    def told(self) -> list[str]:
        return [f"{event.kind} {event.attributes['instance']}" for event in self.events]


@asynccontextmanager
async def scraping(*jobs: ScrapeJob) -> AsyncIterator[Scraping]:
    found = Scraping(list(jobs))
    async with found.scraper, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(found.scraper.run())
        await found.clock.advance(0)
        yield found
        running.cancel()


def job(*urls: str, **settings: Any) -> ScrapeJob:
    return ScrapeJob(**{"job": "node", "urls": urls, "interval_seconds": INTERVAL, **settings})


async def test_a_page_becomes_samples_with_the_target_s_labels() -> None:
    page = '# HELP requests_total All of them.\n# TYPE requests_total counter\nrequests_total{code="200"} 5\n'
    async with (
        exporting(Exporter(page, encoding="gzip")) as exporter,
        scraping(job(exporter.url, labels={"env": "x"})) as it,
    ):
        await it.round()
        exporter.page = page.replace("5", "6")
        await it.round()
    instance = exporter.url.split("/")[2]
    assert it.store.values("requests_total", job="node", instance=instance, env="x", code="200") == [5.0, 6.0]
    first, second = it.store.times("requests_total")
    assert second - first == INTERVAL * 1000
    assert it.store.values("up", instance=instance, env="x") == [1.0, 1.0]
    assert it.store.values("scrape_samples_scraped") == [1.0, 1.0]
    assert it.store.values("scrape_samples_post_metric_relabeling") == [1.0, 1.0]
    assert it.store.values("scrape_series_added") == [1.0, 0.0]
    assert all(value is not None and value >= 0 for value in it.store.values("scrape_duration_seconds"))
    # Told once: it did not change.
    assert [(told.name, told.type, told.help) for told in it.store.metadata] == [
        ("requests_total", "counter", "All of them.")
    ]
    assert it.events == []


async def test_it_asks_as_prometheus_does() -> None:
    async with exporting() as exporter, scraping(job(exporter.url, timeout_seconds=3)) as it:
        await it.round()
    asked = exporter.asked[0]
    assert asked["Accept"].startswith("application/openmetrics-text;version=1.0.0")
    assert asked["Accept-Encoding"] == "gzip"
    assert asked["X-Prometheus-Scrape-Timeout-Seconds"] == "3"
    assert asked["User-Agent"].startswith("nagare/")
    assert "Authorization" not in asked


async def test_credentials_are_read_again_at_each_scrape(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    async with exporting() as exporter, scraping(job(exporter.url, bearer_token_file=token)) as it:
        await it.round()
        token.write_text("two\n")
        await it.round()
        token.unlink()
        await it.round()
        (view,) = it.scraper.views()
    assert [asked["Authorization"] for asked in exporter.asked] == ["Bearer one", "Bearer two"]
    assert view.state == "down"
    assert view.error == f"cannot read credentials {token}: No such file or directory"


async def test_basic_credentials(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    async with exporting() as exporter, scraping(job(exporter.url, username="me", password_file=password)) as it:
        await it.round()
    assert exporter.asked[0]["Authorization"] == "Basic bWU6czNjcmV0"


async def test_series_that_vanish_get_a_mark_once() -> None:
    async with exporting(Exporter('a{n="1"} 1\na{n="2"} 2\n')) as exporter, scraping(job(exporter.url)) as it:
        await it.round()
        exporter.page = 'a{n="1"} 3\n'
        await it.round()
        await it.round()
        exporter.page = 'a{n="1"} 3\na{n="2"} 4\n'
        await it.round()
    assert it.store.values("a", n="1") == [1.0, 3.0, 3.0, 3.0]
    assert it.store.values("a", n="2") == [2.0, None, 4.0]


async def test_times_of_the_page_are_kept_and_end_without_a_mark() -> None:
    async with exporting(Exporter("a 1 1500\nb 2\n")) as exporter, scraping(job(exporter.url)) as it:
        await it.round()
        exporter.page = "b 2\n"
        await it.round()
    assert (it.store.times("a"), it.store.values("a")) == ([1500], [1.0])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": 500}, "it answered with status 500"),
        ({"page": "\x00garbage {"}, "cannot read line 1"),
        ({"content_type": "text/html"}, "cannot read content type 'text/html'"),
        ({"encoding": "gzip", "raw": b"no gzip"}, "cannot read gzip body"),
        ({"encoding": "gzip", "raw": gzip.compress(bytes(100_000_000), 1)}, "it unpacks to more than 1048576 bytes"),
        ({"raw": b"a 1\n" * 25_000_000}, "it is larger than 1048576 bytes"),
        ({"status": 302, "location": "http://elsewhere.test/"}, "it redirects elsewhere"),
        ({"hangs": True}, "no whole answer within 0.3 s"),
        ({"page": "".join(f"a{number} 1\n" for number in range(30))}, "it has more than 20 samples"),
    ],
    ids=["status", "garbage", "html", "gzip", "bomb", "100 MB", "redirect", "hang", "too many"],
)
async def test_a_scrape_that_fails_ends_the_series_and_tells_it_once(change: dict[str, Any], error: str) -> None:
    good = Exporter("a 1\n")
    settings = {"body_limit_bytes": 1 << 20, "timeout_seconds": 0.3 if "hangs" in change else 9, "sample_limit": 20}
    async with exporting(good) as exporter, scraping(job(exporter.url, **settings)) as it:
        await it.round()
        before = {name: getattr(good, name) for name in change}
        for name, value in change.items():
            setattr(good, name, value)
        await it.round()
        await it.round()
        (down,) = it.scraper.views()
        for name, value in before.items():
            setattr(good, name, value)
        await it.round()
        (up,) = it.scraper.views()
    assert it.store.values("a") == [1.0, None, 1.0]
    assert it.store.values("up") == [1.0, 0.0, 0.0, 1.0]
    assert it.store.values("scrape_samples_scraped") == [1.0, 0.0, 0.0, 1.0]
    assert (down.state, down.samples, down.failures) == ("down", 0, 2)
    assert error in down.error
    assert (up.state, up.error, up.scrapes) == ("up", "", 4)
    instance = up.instance
    assert it.told() == [f"target.down {instance}", f"target.up {instance}"]
    assert error in it.events[0].text
    assert it.events[0].host == "127.0.0.1"
    assert it.scraper.counters.get("failures") == 2


async def test_one_that_hangs_holds_up_nobody() -> None:
    async with exporting(Exporter(hangs=True)) as bad, exporting() as good:
        jobs = job(bad.url, job="bad", timeout_seconds=9), job(good.url, job="good")
        async with scraping(*jobs) as it:
            for _ in range(3):
                await it.round()
            states = {view.job: view.state for view in it.scraper.views()}
    assert it.store.values("requests_total", job="good") == [1.0, 1.0, 1.0]
    assert states == {"bad": "unknown", "good": "up"}


async def test_a_target_that_dies_and_comes_back_at_its_address() -> None:
    async with exporting() as exporter:
        port = int(exporter.url.split(":")[2].split("/")[0])
        it_context = scraping(job(exporter.url))
        it = await it_context.__aenter__()
        await it.round()
    await it.round()
    async with exporting(exporter, port):
        await it.round()
    await it_context.__aexit__(None, None, None)
    assert it.store.values("up") == [1.0, 0.0, 1.0]
    assert it.store.values("requests_total") == [1.0, None, 1.0]
    assert [kind.partition(" ")[0] for kind in it.told()] == ["target.down", "target.up"]


async def test_a_target_that_never_answered_is_told_too() -> None:
    async with exporting(Exporter(status=503)) as exporter, scraping(job(exporter.url)) as it:
        await it.round()
    assert [event.kind for event in it.events] == ["target.down"]


async def test_what_the_store_does_not_take_is_marked_later() -> None:
    async with exporting(Exporter("a 1\n")) as exporter, scraping(job(exporter.url)) as it:
        await it.round()
        exporter.page = "b 1\n"
        it.store.refuses = DiskFullError("cannot write: no room")
        await it.round()
        (view,) = it.scraper.views()
        it.store.refuses = None
        await it.round()
    assert (view.state, view.error) == ("up", "cannot write: no room")
    assert it.store.values("a") == [1.0, None]
    assert it.store.values("b") == [1.0]
    assert it.scraper.counters.get("append_failures") == 1
    assert it.events == []


async def test_samples_beyond_the_store_s_limit_are_told() -> None:
    async with exporting(Exporter("a 1\nb 1\nc 1\n")) as exporter, scraping(job(exporter.url)) as it:
        it.store.series.limit = 2
        await it.round()
        (view,) = it.scraper.views()
    assert view.state == "up"
    # One of the page and the five reports, whose series come after it.
    assert view.refused == 6


async def test_other_jobs_are_taken_up_and_what_is_gone_ends() -> None:
    first, second = Exporter("a 1\n"), Exporter("b 1\n")
    async with exporting(first), exporting(second), scraping(job(first.url)) as it:
        await it.round()
        await it.apply(job(second.url))
        await it.round()
        views = it.scraper.views()
    assert it.store.values("a") == [1.0, None]
    assert it.store.values("up", instance=first.url.split("/")[2]) == [1.0, None]
    assert it.store.values("scrape_series_added", instance=first.url.split("/")[2]) == [1.0, None]
    assert it.store.values("b") == [1.0]
    assert [view.url for view in views] == [second.url]
    assert it.events == []


async def test_a_target_with_other_settings_goes_on_without_a_gap() -> None:
    async with exporting(Exporter("a 1\ngo_x 1\n")) as exporter, scraping(job(exporter.url)) as it:
        await it.round()
        await it.apply(job(exporter.url, drop=("go_.*",)))
        await it.round()
        await it.apply(job(exporter.url, labels={"env": "prod"}))
        await it.round()
    assert it.store.values("a", env="prod") == [1.0]
    unlabelled = [value for name, labels, _, value in it.store.rows if name == "a" and "env" not in labels]
    assert unlabelled == [1.0, 1.0, None]
    assert it.store.values("go_x") == [1.0, None, 1.0]
    ups = [value for name, labels, _, value in it.store.rows if name == "up" and "env" not in labels]
    assert ups == [1.0, 1.0, None]


async def test_a_scrape_that_takes_longer_than_its_interval_is_counted() -> None:
    exporter = Exporter(hangs=True)
    async with exporting(exporter), scraping(job(exporter.url, timeout_seconds=0.5)) as it:
        await it.clock.advance(INTERVAL)
        async with asyncio.timeout(WAIT_SECONDS):
            while not exporter.asked:
                await it.clock.advance(0)
        await it.clock.advance(3 * INTERVAL)
        await it.store.until(lambda: it.store.appends == 1)
        await it.round()
        (view,) = it.scraper.views()
    assert view.missed >= 2
    assert it.scraper.counters.get("missed") == view.missed


async def test_pages_are_held_within_a_budget_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "HELD_LIMIT_BYTES", 100)
    async with exporting(Exporter("a 1\n" * 20)) as exporter, scraping(job(exporter.url)) as it:
        for _ in range(3):
            await it.round()
        exporter.page = "a 1\n" * 30
        await it.round()
        (view,) = it.scraper.views()
        exporter.page = "a 1\n" * 20
        await it.round()
    assert "pages of 100 bytes are held already" in view.error
    assert it.store.values("up") == [1.0, 1.0, 1.0, 0.0, 1.0]


# What the exporter shows at a scrape (None: it fails), and whether the store takes it.
_STEPS = st.lists(st.tuples(st.none() | st.frozensets(st.sampled_from("abc")), st.booleans()), min_size=1, max_size=12)


@hypothesis.settings(max_examples=25)
@hypothesis.given(steps=_STEPS)
def test_every_series_ends_with_one_mark(steps: list[tuple[frozenset[str] | None, bool]]) -> None:
    async def scrape_all() -> Scraping:
        async with exporting() as exporter, scraping(job(exporter.url)) as it:
            for shown, is_taken in steps:
                exporter.status = 500 if shown is None else 200
                exporter.page = "".join(f"{name} 1\n" for name in sorted(shown or ()))
                it.store.refuses = None if is_taken else DiskFullError("cannot write: no room")
                await it.round()
        return it

    it = asyncio.run(scrape_all())
    for name in "abc":
        expected: list[float | None] = []
        for shown, is_taken in steps:
            if is_taken and name in (shown or ()):
                expected.append(1.0)
            elif is_taken and expected and expected[-1] is not None:
                expected.append(None)
        assert it.store.values(name) == expected


async def test_many_targets_are_all_scraped_in_each_interval() -> None:
    async with exporting() as exporter:
        urls = [f"{exporter.url}?target={number}" for number in range(300)]
        jobs = job(*urls, labels={"instance": "many"})
        async with scraping(jobs) as it:
            for _ in range(3):
                await it.round(300)
    assert len(it.store.values("up")) == 900
    assert set(it.store.values("up")) == {1.0}


async def test_an_exporter_of_the_prometheus_client_is_read() -> None:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

    registry = CollectorRegistry()
    Counter("jobs", "Jobs done.", ["queue"], registry=registry).labels('a\\"b\n').inc(3)
    Gauge("room_celsius", "How warm.", registry=registry).set(21.5)
    Histogram("wait_seconds", "How long.", buckets=[1.0], registry=registry).observe(0.5)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        async with scraping(job(f"http://127.0.0.1:{server.server_port}/metrics")) as it:
            await it.round()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    assert it.store.values("jobs_total", queue='a\\"b\n') == [3.0]
    assert it.store.values("room_celsius") == [21.5]
    assert it.store.values("wait_seconds_bucket", le="1.0") == [1.0]
    assert it.store.values("wait_seconds_count") == [1.0]
    assert it.store.values("up") == [1.0]
    assert {(told.name, told.type) for told in it.store.metadata} >= {("room_celsius", "gauge")}
