"""What a batch may look like, what is refused, and that nothing refused is stored."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import pytest

from nagare.keys.signing import SigningKey
from nagare.wire.codec import encode, pack
from nagare.wire.signature import HEADER, signed_bytes
from tests.component.server.conftest import Answer, Api, Serve

PATH = "/api/v1/metrics/batch"


async def _rows(api: Api, table: str = "cpu") -> int:
    return int((await api.sql(f"select count(*) from {table}"))[0][0])


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
async def test_a_batch_is_stored_once(api: Api, encoding: str) -> None:
    token = await api.register()
    headers = {"Content-Encoding": encoding}
    body = pack(encode(api.batch()), encoding)
    answer = await api.call("POST", PATH, body=body, headers=headers, token=token)
    assert (answer.status, answer.json) == (200, {"accepted": 2, "duplicate": False, "refused": []})
    again = await api.call("POST", PATH, body=body, headers=headers, token=token)
    assert (again.status, again.json["accepted"], again.json["duplicate"]) == (200, 0, True)
    assert await api.sql("select core, user_ratio, host from cpu order by core") == [
        ["0", 0.2, "web1"],
        ["all", 0.1, "web1"],
    ]


def _columns(**columns: list[Any]) -> dict[str, Any]:
    return {"tables": {"cpu": columns}}


MALFORMED: list[tuple[str, dict[str, Any], set[int]]] = [
    ("unequal columns", _columns(ts=[1, 2], core=["all"]), {400, 422}),
    ("unknown version", {"v": 2}, {400, 422}),
    ("no version", {"v": None}, {400, 422}),
    ("wrong host", {"host": "web2"}, {403}),
    ("unlawful host", {"host": "../web1"}, {403}),
    ("host of another type", {"host": 7}, {400, 422}),
    ("no ts", _columns(core=["all"]), {400, 422}),
    ("ts of text", _columns(ts=["now"], core=["all"]), {400, 422}),
    ("ts null", _columns(ts=[None], core=["all"]), {400, 422}),
    ("number for text", _columns(ts=[1], core=[{"a": "b"}]), {400, 422}),
    ("nested list", _columns(ts=[1], core=[[1]]), {400, 422}),
    ("tables as list", {"tables": []}, {400, 422}),
    ("seq of text", {"seq": "1"}, {400, 422}),
    ("negative seq", {"seq": -1}, {400, 422}),
    ("empty boot", {"boot": ""}, {400, 422}),
]


@pytest.mark.parametrize(("name", "changes", "statuses"), MALFORMED, ids=[case[0] for case in MALFORMED])
async def test_a_malformed_batch_is_refused_whole(
    api: Api, name: str, changes: dict[str, Any], statuses: set[int]
) -> None:
    token = await api.register()
    batch = {**api.batch(), "tables": {**api.batch()["tables"]}} | changes
    answer = await api.call("POST", PATH, batch, token=token)
    assert answer.status in statuses, (name, answer.raw)
    assert answer.code
    assert await _rows(api) == 0


@pytest.mark.parametrize("cut", [1, 40, -1])
async def test_truncated_json(api: Api, cut: int) -> None:
    token = await api.register()
    answer = await api.call("POST", PATH, body=encode(api.batch())[:cut], token=token)
    assert (answer.status, answer.code) == (400, "input-invalid")
    assert await _rows(api) == 0


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("damage", ["cut", "flip", "plain"])
async def test_damaged_compression(api: Api, encoding: str, damage: str) -> None:
    token = await api.register()
    body = bytearray(pack(encode(api.batch()), encoding))
    if damage == "cut":
        body = body[:-6]
    elif damage == "flip":
        body[1] ^= 0xFF
    else:
        body = bytearray(encode(api.batch()))
    answer = await api.call("POST", PATH, body=bytes(body), headers={"Content-Encoding": encoding}, token=token)
    assert (answer.status, answer.code) == (400, "input-invalid")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_of_zeros_stops_at_the_cap(serve: Serve, encoding: str) -> None:
    async with serve(unpacked_limit_bytes=2**20) as api:
        token = await api.register()
        bomb = pack(b"\0" * (64 * 2**20), encoding)
        assert len(bomb) < 100_000
        answer = await api.call("POST", PATH, body=bomb, headers={"Content-Encoding": encoding}, token=token)
        assert (answer.status, answer.code) == (413, "body-too-large")
        assert api.services.bodies.held_bytes == 0


async def test_nested_encodings_are_not_unpacked_twice(api: Api) -> None:
    token = await api.register()
    twice = gzip.compress(gzip.compress(encode(api.batch())))
    answer = await api.call("POST", PATH, body=twice, headers={"Content-Encoding": "gzip"}, token=token)
    assert answer.status == 400
    answer = await api.call("POST", PATH, body=twice, headers={"Content-Encoding": "gzip, gzip"}, token=token)
    assert (answer.status, answer.code) == (415, "media-unsupported")


async def test_100_megabytes_are_refused_before_they_are_read(api: Api) -> None:
    token = await api.register()
    host, port = "127.0.0.1", api.running.port
    reader, writer = await asyncio.open_connection(host, port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    writer.write((head + "Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n").encode())
    status = await asyncio.wait_for(reader.readline(), 10)
    assert b"413" in status
    writer.close()


async def test_a_body_without_a_length_is_capped_while_it_is_read(serve: Serve) -> None:
    async with serve(body_limit_bytes=4096) as api:
        token = await api.register()

        async def endless() -> Any:
            for _ in range(64):
                yield b" " * 1024

        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with api.session.post(api.running.url + PATH, data=endless(), headers=headers) as response:
                assert response.status == 413
        except aiohttp.ClientConnectionError:
            pass  # the server closed the line while we were still sending
        assert api.services.bodies.held_bytes == 0


async def test_a_body_that_expects_to_continue_is_asked_for_only_if_welcome(api: Api) -> None:
    token = await api.register()
    body = encode(api.batch())

    async def first_line(authorization: str, length: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.running.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        writer.write((head + f"{authorization}Content-Length: {length}\r\n\r\n").encode())
        line = await asyncio.wait_for(reader.readline(), 10)
        if b"100" in line:
            await reader.readline()
            writer.write(body)
            line += await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return line

    bearer = f"Authorization: Bearer {token}\r\n"
    assert await first_line(bearer, len(body)) == b"HTTP/1.1 100 Continue\r\nHTTP/1.1 200 OK\r\n"
    assert b"401" in await first_line("", len(body))
    assert b"413" in await first_line(bearer, 10**9)


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "a"])
async def test_only_json_is_taken(api: Api, media: str) -> None:
    token = await api.register()
    answer = await api.call("POST", PATH, api.batch(), token=token, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "media-unsupported")
    with_charset = {"Content-Type": "application/json; charset=utf-8"}
    assert (await api.call("POST", PATH, api.batch(), token=token, headers=with_charset)).status == 200


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "utf-8", "gzip;q=1"])
async def test_unknown_encodings_are_refused(api: Api, encoding: str) -> None:
    token = await api.register()
    answer = await api.call("POST", PATH, api.batch(), token=token, headers={"Content-Encoding": encoding})
    assert (answer.status, answer.code) == (415, "media-unsupported")


async def test_stale_and_future_rows_are_refused_one_by_one(api: Api) -> None:
    token = await api.register()
    now = api.now_ms()
    columns = {"ts": [now, now - 40 * 86_400_000, now + 3_600_000], "core": ["a", "b", "c"]}
    batch = {**api.batch(), "tables": {"cpu": columns}}
    answer = await api.call("POST", PATH, batch, token=token)
    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert sorted(row for refusal in answer.json["refused"] for row in refusal["rows"]) == [1, 2]
    assert await api.sql("select core from cpu") == [["a"]]


async def test_overload_asks_to_come_back(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register()
        api.services.bodies.hold(api.services.settings.server.inflight_limit_bytes)
        answer = await api.call("POST", PATH, api.batch(), token=token)
        assert (answer.status, answer.code) == (503, "overloaded")
        assert int(answer.headers["Retry-After"]) >= 1
        assert api.services.bodies.counters.get("bodies_refused_overload") == 1


async def test_a_large_batch_is_decoded_off_the_loop(api: Api) -> None:
    token = await api.register()
    count, now = 40_000, api.now_ms()
    columns = {"ts": [now] * count, "core": [str(i) for i in range(count)], "user_ratio": [0.5] * count}
    batch = {**api.batch(), "tables": {"cpu": columns}}
    assert len(json.dumps(batch)) > 256 * 1024
    answer = await api.call(
        "POST", PATH, body=pack(encode(batch), "zstd"), token=token, headers={"Content-Encoding": "zstd"}
    )
    assert answer.json["accepted"] == count
    assert await _rows(api) == count


async def _signed(api: Api, token: str, key: SigningKey, body: bytes, *, encoding: str = "identity") -> Answer:
    headers = {HEADER: key.sign(signed_bytes(PATH, encoding, body)), "Content-Encoding": encoding}
    return await api.call("POST", PATH, body=body, headers=headers, token=token)


async def test_a_host_with_a_key_must_sign(api: Api) -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    token = await api.register(public_key=key.public_key)
    body = encode(api.batch())
    assert (await api.call("POST", PATH, body=body, token=token)).code == "unauthenticated"
    assert (await _signed(api, token, other, body)).code == "unauthenticated"
    for signature in ("", "x", "A" * 88, "\u00e9"):
        answer = await api.call("POST", PATH, body=body, headers={HEADER: signature}, token=token)
        assert answer.status == 401
    assert await _rows(api) == 0
    assert (await _signed(api, token, key, body)).status == 200
    packed = pack(encode(api.batch(seq=2)), "zstd")
    assert (await _signed(api, token, key, packed, encoding="zstd")).status == 200


async def test_a_signature_covers_body_encoding_and_path(api: Api) -> None:
    key = SigningKey.generate()
    token = await api.register(public_key=key.public_key)
    body = encode(api.batch())
    for message in (
        signed_bytes("/api/v1/events", "identity", body),
        signed_bytes(PATH, "gzip", body),
        signed_bytes(PATH, "identity", body + b" "),
    ):
        answer = await api.call("POST", PATH, body=body, headers={HEADER: key.sign(message)}, token=token)
        assert answer.status == 401
    assert await _rows(api) == 0


async def test_liveness_follows_batches(api: Api) -> None:
    token = await api.register()
    assert (await api.call("GET", "/api/v1/hosts/web1")).json["state"] == "unknown"
    await api.call("POST", PATH, api.batch(), token=token)
    view = (await api.call("GET", "/api/v1/hosts/web1")).json
    assert view["state"] == "up"
    assert view["last_seen_at"].endswith("Z")


async def test_a_client_that_hangs_up_leaves_the_server_well(api: Api) -> None:
    token = await api.register()
    reader, writer = await asyncio.open_connection("127.0.0.1", api.running.port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    writer.write((head + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{").encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    del reader
    assert (await api.call("POST", PATH, api.batch(), token=token)).status == 200
    assert (await api.call("GET", "/health", token=None)).status == 200


async def test_more_requests_than_are_worked_off_soon_are_told_to_come_again(serve: Serve) -> None:
    async with serve(intake_limit=1) as api:
        token = await api.register()
        batches = [
            {
                "v": 1,
                "host": "web1",
                "boot": "b",
                "seq": seq,
                "tables": {"load": {"ts": [api.now_ms()], "load1": [1.0]}},
            }
            for seq in range(40)
        ]
        answers = await asyncio.gather(
            *(api.call("POST", "/api/v1/metrics/batch", batch, token=token) for batch in batches)
        )
        refused = [answer for answer in answers if answer.status == 503]
        assert {answer.status for answer in answers} == {200, 503}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 4 for answer in refused)
        stored = len(answers) - len(refused)
        assert await api.sql("SELECT count(*) FROM load") == [[stored]]
        # Others are answered all the same, and a place comes free.
        assert api.services.crowd.taken == 0
        assert (await api.call("GET", "/api/v1/standing", token=token)).status == 200
        assert (await api.call("POST", "/api/v1/metrics/batch", batches[0] | {"seq": 99}, token=token)).status == 200


async def test_what_an_agent_says_of_its_queue_is_on_the_metrics_of_the_server(api: Api) -> None:
    token = await api.register()
    row = {"ts": [api.now_ms()], "collector": ["agent"], "spool_batches": [3], "batches_thinned_total": [5]}
    batch = {"v": 1, "host": "web1", "boot": "b", "seq": 1, "tables": {"agent": row}}
    assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200
    told = (await api.call("GET", "/metrics")).raw.decode()
    assert 'nagare_agent_spool_batches{host="web1"} 3' in told
    assert 'nagare_agent_batches_thinned_total{host="web1"} 5' in told
    assert (await api.call("DELETE", "/api/v1/hosts/web1")).status == 204
    assert "nagare_agent_spool" not in (await api.call("GET", "/metrics")).raw.decode()
