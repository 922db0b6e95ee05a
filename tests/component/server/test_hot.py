"""Known heads: whatever is sent, the short way answers what the long way answers, byte for byte but for date and id."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from nagare.interop.remote_write.packing import pack_snappy
from nagare.keys.signing import SigningKey
from nagare.server.hot import connection as hot
from nagare.wire.codec import encode, pack
from nagare.wire.signature import signed_bytes
from tests.component.server.conftest import Api, Serve
from tests.component.server.lines import batch_request, connected, connections, connections_of, hot_count, post
from tests.support.remote_write import request_v2, write_request

PROTOBUF = "application/x-protobuf"


def samples_request(api: Api, *, more: str = "", body: bytes | None = None, shift: int = 0, version: int = 1) -> bytes:
    """Return a remote-write request."""
    rows = [({"__name__": "up", "instance": "web1"}, [(api.now_ms() + shift, 1.0)])]
    message = (write_request if version == 1 else request_v2)(rows).SerializeToString()
    kind = PROTOBUF if version == 1 else f"{PROTOBUF};proto=io.prometheus.write.v2.Request"
    packed = pack_snappy(message) if body is None else body
    return post("/api/v1/write", api.admin, packed, more=more, Content_Type=kind, Content_Encoding="snappy")


def otlp_request(api: Api, *, more: str = "", shift: int = 0, body: bytes | None = None) -> bytes:
    """Return an OTLP request of two points, the second ``shift`` milliseconds from now."""
    request = ExportMetricsServiceRequest()
    gauge = request.resource_metrics.add().scope_metrics.add().metrics.add(name="heat").gauge
    for core, at in enumerate((0, shift)):
        point = gauge.data_points.add(as_double=1.0, time_unix_nano=(api.now_ms() + at) * 10**6)
        point.attributes.add(key="core").value.string_value = str(core)
    message = request.SerializeToString() if body is None else body
    return post("/api/v1/otlp/v1/metrics", api.admin, message, more=more, Content_Type=PROTOBUF)


def lines_request(
    api: Api, *, more: str = "", shift: int = 0, body: bytes | None = None, query: str = "?precision=ms"
) -> bytes:
    """Return a line of the line protocol, ``shift`` milliseconds from now."""
    line = f"cpu,host=web1 load=1.5 {api.now_ms() + shift}".encode() if body is None else body
    return post(f"/write{query}", api.admin, line, more=more, Content_Type="text/plain")


# An id of its own keeps a head from being learned.
LONG = "X-Request-Id: the-long-way-0123456789-01234567"


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 7},
        {"seq": 1},
        {"replaces": [1]},
        {"seq": 8, "host": "web2"},
        {"seq": 9, "v": 2},
        {"seq": 10, "tables": {"cpu": {"ts": [1], "core": ["0"]}}},
        {"seq": 11, "tables": {"cpu": {"ts": [1, 2], "core": ["0"]}}},
        {"seq": 12, "tables": {"own": {"ts": [1_760_000_000_000], "x": [1.5]}}},
        {"seq": 13, "tables": {}},
        {"seq": -1},
        {"content": b"{"},
        {"content": b""},
    ],
)
async def test_a_batch_is_answered_alike(serve: Serve, changes: dict[str, Any]) -> None:
    told = []
    for more in ("", LONG):
        async with serve() as api, connected(api) as line:
            token = await api.register()
            host = f"{'a' if more else 'b'}"
            first = await line.ask(batch_request(api, token, more=more, boot=host))
            assert first.status == 200
            before = hot_count(api)
            reply = await line.ask(batch_request(api, token, more=more, **{"boot": host, **changes}))
            told.append(reply.told)
            after = await line.ask(batch_request(api, token, more=more, boot=host, seq=99))
            assert (after.status, after.body) == (200, b'{"accepted":2,"duplicate":false,"refused":[]}')
            assert (hot_count(api) > before) == (not more)
    assert told[0] == told[1]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("changes", [{"shift": 5}, {"shift": -(10**12)}, {"body": b"\x05no"}, {"body": b""}])
async def test_samples_are_answered_alike(api: Api, changes: dict[str, Any], version: int) -> None:
    told = []
    for more in ("", LONG):
        async with connected(api) as line:
            assert (await line.ask(samples_request(api, more=more, version=version))).status == 204
            before = hot_count(api)
            told.append((await line.ask(samples_request(api, more=more, version=version, **changes))).told)
            assert (await line.ask(samples_request(api, more=more, version=version))).status == 204
            assert (hot_count(api) > before) == (not more)
    assert told[0] == told[1]


@pytest.mark.parametrize("changes", [{}, {"shift": 5}, {"shift": -(10**12)}, {"body": b"\x05no"}, {"body": b""}])
@pytest.mark.parametrize("make", [otlp_request, lines_request])
async def test_other_protocols_are_answered_alike(
    api: Api, make: Callable[..., bytes], changes: dict[str, Any]
) -> None:
    told = []
    for more in ("", LONG):
        async with connected(api) as line:
            for _ in range(3):
                await line.ask(make(api, more=more))
            first = await line.ask(make(api, more=more))
            assert first.status in (200, 204)
            before = hot_count(api)
            told.append((await line.ask(make(api, more=more, **changes))).told)
            assert (await line.ask(make(api, more=more))).told == first.told
            assert (hot_count(api) > before) == (not more)
    assert told[0] == told[1]


async def test_lines_of_another_precision_are_another_head(api: Api) -> None:
    now_ms = api.now_ms()
    async with connected(api) as line:
        for query, unit in (("?precision=ms", 1), ("?precision=ns", 10**6), ("", 10**6)):
            for at in range(3):
                body = f"cpu,host=web1 load=1 {(now_ms + at) * unit}".encode()
                assert (await line.ask(lines_request(api, body=body, query=query))).status == 204
    assert hot_count(api) >= 6
    assert await api.sql('select count(distinct ts) from "influx.cpu"') == [[3]]


async def test_a_revoked_token_is_refused_on_an_open_connection(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        for seq in (1, 2):
            assert (await line.ask(batch_request(api, token, seq=seq))).status == 200
        assert hot_count(api) == 1
        await api.call("DELETE", "/api/v1/hosts/web1")
        assert (await line.ask(batch_request(api, token, seq=3))).status == 401


async def test_a_token_that_was_revoked_while_its_request_was_answered_is_not_learned(api: Api) -> None:
    old = await api.register()
    async with connected(api) as line:
        first, second = (batch_request(api, old, seq=seq) for seq in (1, 2))
        # Known already, so that it is let in as soon as its head is read: before the question that comes behind it.
        assert (await api.call("POST", "/api/v1/events", {"text": "x"}, token=old)).status == 200
        line.writer.write(first[:-10])
        await line.writer.drain()
        assert (await api.call("GET", "/health")).status == 200
        await api.register()
        line.writer.write(first[-10:])
        assert (await line.read()).status == 200
        assert (await line.ask(second)).status == 401
        assert hot_count(api) == 0


async def test_signatures_are_checked_each_time(api: Api) -> None:
    key = SigningKey.generate()
    token = await api.register(public_key=key.public_key)

    def signed(seq: int, signer: SigningKey) -> bytes:
        content = encode(api.batch(seq=seq))
        signature = signer.sign(signed_bytes("/api/v1/metrics/batch", "zstd", pack(content, "zstd")))
        return batch_request(api, token, content=content, more=f"Nagare-Signature: {signature}")

    async with connected(api) as line:
        assert [(await line.ask(signed(seq, key))).status for seq in (1, 2, 3)] == [200, 200, 200]
        assert hot_count(api) == 2
        assert (await line.ask(signed(4, SigningKey.generate()))).status == 401
        assert (await line.ask(batch_request(api, token, seq=5))).status == 401
        assert (await line.ask(signed(6, key))).status == 200
    assert await api.sql("select count(*) from cpu") == [[8]]


async def test_limits_hold(serve: Serve) -> None:
    async with serve(values_per_second=1.0, values_burst=8) as api, connected(api) as line:
        token = await api.register()
        statuses = [(await line.ask(batch_request(api, token, seq=seq))).status for seq in range(1, 6)]
        assert statuses == [200, 200, 429, 429, 429]
        assert dict(api.services.limits.counters) == {"refused_by_total_limit": 3}


async def test_other_requests_on_the_connection_before_and_after(api: Api) -> None:
    token = await api.register()
    get = f"GET /api/v1/hosts HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api.admin}\r\n\r\n".encode()
    async with connected(api) as line:
        for seq in (1, 2):
            assert (await line.ask(batch_request(api, token, seq=seq))).status == 200
        before = hot_count(api)
        assert (await line.ask(get)).status == 200
        assert (await line.ask(batch_request(api, token, seq=3))).status == 200
        assert hot_count(api) == before + 1
        assert (await line.ask(get.replace(b"hosts", b"nope"))).status == 404


async def test_requests_that_come_at_once_are_answered_in_order(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        await line.ask(batch_request(api, token, seq=1))
        together = b"".join(batch_request(api, token, seq=seq) for seq in (2, 2, 3, 3, 4))
        line.writer.write(together)
        replies = [(await line.read()).body for _ in range(5)]
    assert [b"true" in body for body in replies] == [False, True, False, True, False]


async def test_a_sender_that_did_not_wait_once_goes_the_short_way_later(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        await line.ask(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        (connection,) = connections_of(line)
        # Each a read of its own, and the second while the library is at the first.
        connection.data_received(batch_request(api, token, seq=1))
        connection.data_received(batch_request(api, token, seq=2))
        assert [(await line.read()).status for _ in range(2)] == [200, 200]
        assert hot_count(api) == 0
        for seq in (3, 4):
            assert (await line.ask(batch_request(api, token, seq=seq))).status == 200
        assert hot_count(api) == 1


async def test_the_first_request_of_a_connection_may_come_before_the_library_waits_for_it(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        await line.ask(batch_request(api, token, seq=1))
        (connection,) = connections_of(line)
        # As it is until the library's task has begun.
        waiter, connection._waiter = connection._waiter, None
        connection.data_received(batch_request(api, token, seq=2))
        connection._waiter = waiter
        waiter.set_result(None)
        assert (await line.read()).status == 200
        for seq in (3, 4):
            assert (await line.ask(batch_request(api, token, seq=seq))).status == 200
        assert hot_count(api) >= 1


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=7), st.data())
def test_cut_anywhere_the_answers_are_the_same(kinds: list[int], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.floats(0, 1), max_size=6))
    asyncio.run(_cut_anywhere(kinds, cuts))


async def _cut_anywhere(kinds: list[int], cuts: list[float]) -> None:
    async with _world() as (api, token):
        requests, expected = [batch_request(api, token, seq=1000)], [200]
        for number, kind in enumerate(kinds, 1):
            request, status = {
                0: (batch_request(api, token, content=b"["), 400),
                1: (samples_request(api), 204),
                2: (batch_request(api, "ngr_wrong", seq=number), 401),
            }.get(kind, (batch_request(api, token, seq=number), 200))
            requests.append(request)
            expected.append(status)
        whole = b"".join(requests)
        places = sorted({round(cut * len(whole)) for cut in cuts} | {len(requests[0]), len(whole)} - {0})
        async with connected(api) as line:
            begin = 0
            for end in places:
                line.writer.write(whole[begin:end])
                await line.writer.drain()
                await asyncio.sleep(0)
                begin = end
            statuses = [(await line.read()).status for _ in requests]
    assert statuses == expected


@contextlib.asynccontextmanager
async def _world() -> AsyncIterator[tuple[Api, str]]:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        async with Serve(Path(folder) / "data")() as api:
            yield api, await api.register()


async def test_half_a_body_is_the_library_s_after_a_while(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await api.register()
    monkeypatch.setattr(hot, "_PATIENCE_SECONDS", 0.05)
    async with connected(api) as line:
        for seq in (1, 2):
            await line.ask(batch_request(api, token, seq=seq))
        request = batch_request(api, token, seq=3)
        line.writer.write(request[:-20])
        taken = asyncio.create_task(line.read())
        async with asyncio.timeout(30):
            # Each round is one of the loop's; the library has the half once its bytes are counted.
            while not any(each._rest for each in connections()):  # noqa: ASYNC110
                await asyncio.sleep(0)
        line.writer.write(request[-20:])
        assert (await taken).status == 200
        assert hot_count(api) == 1


async def test_what_was_sent_whole_is_stored_though_its_sender_is_gone(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        for seq in (1, 2):
            await line.ask(batch_request(api, token, seq=seq))
        line.writer.write(batch_request(api, token, seq=3))
        await line.writer.drain()
    async with asyncio.timeout(30):
        while await api.sql("select count(*) from cpu") != [[6]]:
            pass


async def test_heads_in_another_spelling_go_the_long_way(api: Api) -> None:
    token = await api.register()
    plain = batch_request(api, token, seq=1)
    others = [
        plain.replace(b"Content-Length", b"content-length"),
        plain.replace(b" HTTP/1.1", b" HTTP/1.0").replace(b"Host", b"Connection: keep-alive\r\nHost"),
        plain.replace(b"Host:", b"Connection: close\r\nHost:"),
        plain.replace(b"Host:", b"Expect: 100-continue\r\nHost:"),
    ]
    for other in others:
        for _ in range(2):
            async with connected(api) as line:
                reply = await line.ask(other)
                if reply.status == 100:
                    reply = await line.read()
                assert reply.status == 200, other
    assert hot_count(api) == 0


async def test_a_head_is_known_to_one_right_alone(api: Api) -> None:
    token = await api.register()
    async with connected(api) as line:
        for seq in (1, 2):
            assert (await line.ask(batch_request(api, token, seq=seq))).status == 200
        other = batch_request(api, token[:-1] + ("A" if token[-1] != "A" else "B"), seq=3)
        assert (await line.ask(other)).status == 401
        foreign = batch_request(api, token, seq=4).replace(b"Host: 127.0.0.1", b"Host: evil.example")
        assert (await line.ask(foreign)).status == 403


async def test_a_stopping_server_answers_what_it_has_begun(serve: Serve) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serve() as api:
            token = await api.register()
            # Outlives the server.
            line = await stack.enter_async_context(connected(api))
            for seq in (1, 2):
                await line.ask(batch_request(api, token, seq=seq))
            line.writer.write(batch_request(api, token, seq=3))
            (connection,) = connections_of(line)
            async with asyncio.timeout(30):
                while hot_count(api) < 2 and connection._waiting is None:  # noqa: ASYNC110
                    await asyncio.sleep(0)
        assert (await line.read()).status in (200, 503)


async def test_a_known_head_is_told_to_come_again_while_too_much_is_worked_on(api: Api) -> None:
    async with connected(api) as line:
        token = await api.register()
        for seq in (1, 2):
            await line.ask(batch_request(api, token, seq=seq))
        crowd = api.services.crowd
        crowd.taken = crowd.places
        line.writer.write(batch_request(api, token, seq=3) + batch_request(api, token, seq=4))
        for _ in range(2):
            reply = await line.read()
            assert (reply.status, reply.body) == (503, b"")
            assert 1 <= int(reply.headers["retry-after"]) <= 4
        assert hot_count(api) == 1
        crowd.taken = 0
        assert (await line.ask(batch_request(api, token, seq=3))).status == 200
        assert (hot_count(api), crowd.taken) == (2, 0)


async def test_an_idle_connection_is_closed_but_not_one_at_work(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as api, connected(api) as line:
        token = await api.register()
        for seq in (1, 2):
            await line.ask(batch_request(api, token, seq=seq))
        (connection,) = connections_of(line)
        connection._next_keepalive_close_time = 0.0
        monkeypatch.setattr(hot, "_PATIENCE_SECONDS", 30.0)
        request = batch_request(api, token, seq=3)
        line.writer.write(request[:-5])
        async with asyncio.timeout(30):
            while connection._entry is None:  # noqa: ASYNC110
                await asyncio.sleep(0)
        connection._process_keepalive()
        line.writer.write(request[-5:])
        assert (await line.read()).status == 200
        connection._next_keepalive_close_time = 0.0
        connection._process_keepalive()
        assert await line.reader.read() == b""
