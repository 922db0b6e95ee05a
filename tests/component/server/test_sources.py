"""What the server fetches and hears by itself: scrape targets and StatsD, through to SQL, HTTP and events."""

import asyncio
import socket
from typing import Any

import pytest

from nagare.config.settings import ScrapeJob
from nagare.config.statsd import StatsdSettings
from tests.component.server.conftest import Api, Serve
from tests.support.exporters import WAIT_SECONDS, Exporter, exporting


def _scraping(url: str, **settings: Any) -> dict[str, Any]:
    """Return the sections of a server that scrapes ``url`` often."""
    given: dict[str, Any] = {"job": "node", "urls": (url,), "interval_seconds": 0.2, "timeout_seconds": 0.2, **settings}
    return {"scrape": (ScrapeJob(**given),)}


async def test_a_page_is_in_sql_and_its_target_in_the_list(serve: Serve) -> None:
    page = '# TYPE room_celsius gauge\nroom_celsius{room="a"} 21.5\n'
    scrape = {"site": "b"}
    async with exporting(Exporter(page)) as exporter, serve(sections=_scraping(exporter.url, labels=scrape)) as api:
        await exporter.until_asked(2)
        rows = await api.sql("select host, labels, value from samples where name = 'room_celsius' order by ts")
        answer = await api.call("GET", "/api/v1/targets")
        metrics = (await api.call("GET", "/metrics")).raw.decode()
    instance = exporter.url.split("/")[2]
    host, labels, value = rows[0]
    assert (host, value) == ("127.0.0.1", 21.5)
    assert labels == {"instance": instance, "job": "node", "room": "a", "site": "b"}
    (target,) = answer.json["targets"]
    assert (target["job"], target["url"], target["state"], target["samples"]) == ("node", exporter.url, "up", 1)
    assert 'nagare_scrape_targets{state="up"} 1.0' in metrics
    assert "nagare_scrape_samples_total" in metrics


async def test_a_target_that_goes_down_is_an_event(serve: Serve) -> None:
    async with exporting() as exporter, serve(sections=_scraping(exporter.url)) as api:
        for status in (200, 500, 200):
            exporter.status = status
            await exporter.until_asked(3)
        told = await api.sql("select kind, host, severity, source from events where kind like 'target.%' order by ts")
        marks = await api.sql("select count(*) from samples where name = 'requests_total' and value is null")
    assert told == [["target.down", "127.0.0.1", 1, "scrape"], ["target.up", "127.0.0.1", 0, "scrape"]]
    assert marks == [[1]]


async def test_the_server_scrapes_its_own_numbers_with_its_token(serve: Serve) -> None:
    async with serve() as api:
        token = serve.data / "run" / "token"
        url = f"{api.running.url}/metrics"
        api.services.scraper.apply(_scraping(url, job="nagare", bearer_token_file=token)["scrape"])
        async with asyncio.timeout(WAIT_SECONDS):
            while not (rows := await api.sql("select labels, value from samples where name = 'nagare_build_info'")):
                pass
        (target,) = (await api.call("GET", "/api/v1/targets")).json["targets"]
    assert rows[0][0]["job"] == "nagare"
    assert rows[0][0]["version"] == api.services.version
    assert rows[0][1] == 1.0
    assert target["error"] == ""


async def test_targets_need_permission(api: Api) -> None:
    host = await api.register()
    assert (await api.call("GET", "/api/v1/targets", token=None)).status == 401
    assert (await api.call("GET", "/api/v1/targets", token=host)).status == 403
    assert (await api.call("GET", "/api/v1/targets")).json == {"targets": []}


@pytest.mark.parametrize("listen", ["127.0.0.1:0", ""])
async def test_statsd_lines_are_in_sql_when_it_listens(serve: Serve, listen: str) -> None:
    statsd = StatsdSettings(listen=listen, interval_seconds=0.2, labels={"host": "web1"})
    async with serve(sections={"statsd": statsd}) as api:
        address = (await api.call("GET", "/api/v1/status")).json["statsd"]
        assert bool(address) == bool(listen)
        if listen:
            host, _, port = address.rpartition(":")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"orders:3|c|#country:de", (host, int(port)))
            statement = "select host, labels, value from samples where name = 'orders_total'"
            async with asyncio.timeout(WAIT_SECONDS):
                while not (rows := await api.sql(statement)):
                    pass
            assert rows[0] == ["web1", {"country": "de", "host": "web1"}, 3.0]
            assert "nagare_statsd_lines_total 1.0" in (await api.call("GET", "/metrics")).raw.decode()


async def test_statsd_reported_last_is_stored_at_a_stop(serve: Serve) -> None:
    statsd = StatsdSettings(listen="127.0.0.1:0", interval_seconds=3600)
    async with serve(sections={"statsd": statsd}) as api:
        host, _, port = api.services.statsd.address.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"orders:3|c", (host, int(port)))
        async with asyncio.timeout(WAIT_SECONDS):
            while b"nagare_statsd_lines_total 1.0" not in (await api.call("GET", "/metrics")).raw:
                pass
    async with serve() as api:
        assert await api.sql("select value from samples where name = 'orders_total'") == [[3.0]]
