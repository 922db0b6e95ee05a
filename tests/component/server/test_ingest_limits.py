"""Limits of ingest: who sends too much is told when to come back, in its protocol's words, and nobody else is."""

from typing import Any

import pytest

from nagare.interop.remote_write.packing import pack_snappy
from tests.component.server.conftest import Answer, Api, Serve
from tests.support.remote_write import write_request

BATCH = "/api/v1/metrics/batch"
# Nothing is paid off while a test runs.
SLOW = 1e-3


async def _send(api: Api, host: str, token: str, seq: int) -> Answer:
    return await api.call("POST", BATCH, api.batch(host=host, seq=seq), token=token)


async def _foreign(api: Api, path: str, token: str) -> Answer:
    if path == "/api/v1/write":
        message = write_request([({"__name__": "up"}, [(api.now_ms(), 1.0), (api.now_ms() + 1, 2.0)])])
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
        return await api.call("POST", path, body=pack_snappy(message.SerializeToString()), headers=headers, token=token)
    if path == "/api/v1/otlp/v1/metrics":
        points = [{"timeUnixNano": str(api.now_ms() * 10**6), "asDouble": 1.0}] * 2
        metrics = [{"name": "up", "gauge": {"dataPoints": points}}]
        return await api.call(
            "POST", path, {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}, token=token
        )
    body = b"up 1\nload 2\n" if path == "/api/v1/import/prometheus" else b"up a=1,b=2\n"
    return await api.call("POST", path, body=body, headers={"Content-Type": "text/plain"}, token=token)


async def test_a_flood_from_one_host_leaves_the_others_theirs(serve: Serve) -> None:
    async with serve(host_values_per_second=SLOW, host_values_burst=20) as api:
        loud, quiet = await api.register("web1", "m1"), await api.register("web2", "m2")
        answers = [await _send(api, "web1", loud, seq) for seq in range(1, 51)]
        # Four values a batch: five of them empty the bucket.
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 45
        refused = answers[-1]
        assert refused.code == "rate-limited"
        assert int(refused.headers["Retry-After"]) >= 1
        assert "host 'web1' sends more than" in refused.json["title"] + refused.json["detail"]
        assert [(await _send(api, "web2", quiet, seq)).status for seq in range(1, 5)] == [200] * 4
        assert await api.sql("select host, count(*) from cpu group by host order by host") == [
            ["web1", 10],
            ["web2", 8],
        ]
        shown = (await api.call("GET", "/metrics")).raw.decode()
        assert "nagare_ingest_refused_by_host_limit_total 45" in shown


@pytest.mark.parametrize(
    "path", ["/api/v1/write", "/api/v1/otlp/v1/metrics", "/api/v1/import/prometheus", "/write", "/api/v2/write"]
)
async def test_a_foreign_sender_is_told_503_so_that_it_keeps_its_samples(serve: Serve, path: str) -> None:
    async with serve(host_values_per_second=SLOW, host_values_burst=2) as api:
        token = await api.register()
        assert (await _foreign(api, path, token)).status in (200, 204)
        refused = await _foreign(api, path, token)
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        # A token of no host speaks for many.
        for _ in range(3):
            assert (await _foreign(api, path, "")).status in (200, 204)


async def test_the_limit_for_all_holds_for_everybody(serve: Serve) -> None:
    async with serve(values_per_second=SLOW, values_burst=6) as api:
        token = await api.register()
        assert [(await _send(api, "web1", token, seq)).status for seq in (1, 2, 3)] == [200, 200, 429]
        assert (await _foreign(api, "/write", "")).status == 503
        counters: dict[str, Any] = dict(api.services.limits.counters)
        assert counters == {"refused_by_total_limit": 2}
        assert await api.sql("select count(*) from cpu") == [[4]]


async def test_without_limits_nobody_waits(api: Api) -> None:
    token = await api.register()
    assert not api.services.limits.is_on
    assert {(await _send(api, "web1", token, seq)).status for seq in range(1, 40)} == {200}
