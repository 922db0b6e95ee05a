"""Expositions pushed to a running server, as a cron job would."""

import gzip

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from tests.component.server.conftest import Api

PATH = "/api/v1/import/prometheus"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("backup_bytes", "how much", ["disk"], registry=registry).labels("/").set(4096)
    return registry


async def test_what_an_exporter_would_show_is_stored(api: Api) -> None:
    before = api.now_ms()
    text = generate_latest(_registry())
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    answer = await api.call("POST", PATH + "?extra_label=job%3Dbackup", body=gzip.compress(text), headers=headers)
    assert (answer.status, answer.raw) == (204, b"")
    answer = await api.call("POST", PATH, body=generate_openmetrics(_registry()), headers={"Content-Type": OPEN})
    assert answer.status == 204
    rows = await api.sql("select labels['disk'], labels['job'], value, epoch_ms(ts) from samples order by 2 nulls last")
    assert [row[:3] for row in rows] == [["/", "backup", 4096.0], ["/", None, 4096.0]]
    assert all(before <= row[3] <= api.now_ms() for row in rows)


async def test_a_faulty_line_is_named_and_nothing_is_stored(api: Api) -> None:
    answer = await api.call("POST", PATH, body=b"up 1\nup one\n", headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.raw.decode()) == (400, "cannot read line 2: 'one' is no number\n")
    answer = await api.call("POST", PATH, body=b"up 1", headers={"Content-Type": "application/json"})
    assert answer.status == 415
    answer = await api.call("POST", PATH + "?extra_label=x", body=b"up 1", headers={"Content-Type": "text/plain"})
    assert answer.status == 400
    assert await api.sql("select count(*) from samples") == [[0]]


async def test_partial_refusals_are_told(api: Api) -> None:
    body = b"up 1\nold 1 5\n"
    answer = await api.call("POST", PATH, body=body, headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.raw.decode()) == (
        400,
        "stored 1 samples, refused 1: 1 older than raw retention\n",
    )


async def test_a_hosts_token_gives_its_name(api: Api) -> None:
    token = await api.register()
    for body, status in ((b"up 1\n", 204), (b'up{host="web2"} 1\n', 403)):
        answer = await api.call("POST", PATH, body=body, headers={"Content-Type": "text/plain"}, token=token)
        assert answer.status == status
    assert await api.sql("select name, host from samples") == [["up", "web1"]]
