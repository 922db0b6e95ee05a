"""Samples with known heads: small requests are decoded and handed in at once, and told as the long way tells them."""

import asyncio
import errno
import os
from typing import Any

import pytest

from nagare.interop.remote_write.packing import pack_snappy
from nagare.server import bodies
from nagare.server.routes import remote_write
from nagare.wire.codec import pack
from tests.component.server.conftest import Api
from tests.component.server.lines import connected, connections_of, hot_count, post, store_waits, until_at_work
from tests.support.remote_write import request_v2, write_request

VERSIONS = {1: "application/x-protobuf", 2: "application/x-protobuf;proto=io.prometheus.write.v2.Request"}
WAYS = [(version, encoding) for version in VERSIONS for encoding in ("snappy", "zstd")]


def samples(api: Api, *times: int, version: int = 1, encoding: str = "snappy", name: str = "up") -> bytes:
    """Return a request that brings one series at ``times``, milliseconds after now."""
    rows = [({"__name__": name, "instance": "web1"}, [(api.now_ms() + at, float(at)) for at in times])]
    message = (write_request if version == 1 else request_v2)(rows).SerializeToString()
    packed = pack_snappy(message) if encoding == "snappy" else pack(message, "zstd")
    return post("/api/v1/write", api.admin, packed, Content_Type=VERSIONS[version], Content_Encoding=encoding)


@pytest.mark.parametrize(("version", "encoding"), WAYS)
async def test_no_task_waits_for_samples_and_their_bytes_are_held(api: Api, version: int, encoding: str) -> None:
    async with connected(api) as line:
        for at in (1, 2):
            assert (await line.ask(samples(api, at, version=version, encoding=encoding))).status == 204
        with store_waits(api):
            line.writer.write(samples(api, 3, version=version, encoding=encoding))
            await until_at_work(*connections_of(line))
            assert [task for task in asyncio.all_tasks() if task.get_name() == "request"] == []
            assert api.services.bodies.held_bytes > 0
        assert (await line.read()).status == 204
        assert (hot_count(api), api.services.bodies.held_bytes) == (2, 0)
    assert await api.sql("select value from samples order by ts") == [[1.0], [2.0], [3.0]]


async def test_what_takes_long_to_read_is_left_to_a_task(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bound is lowered, so that it needs no request of megabytes.
    for each in (bodies, remote_write):
        monkeypatch.setattr(each, "WORK_INLINE_BYTES", 100)
    async with connected(api) as line:
        for at in range(20):
            assert (await line.ask(samples(api, *range(10 * at, 10 * at + 10)))).status == 204
        assert hot_count(api) == 19
    assert api.services.bodies.held_bytes == 0
    assert await api.sql("select count(*), sum(value) from samples") == [[200, 19_900.0]]


async def test_what_is_refused_is_told_in_full(api: Api) -> None:
    future = 10 * 24 * 3_600_000
    async with connected(api) as line:
        for at in (1, 2):
            assert (await line.ask(samples(api, at))).status == 204
        request = samples(api, 3, future)
        reply = await line.ask(request)
        assert (reply.status, b"refused 1" in reply.body) == (400, True)
        # Of the same again the one that was stored is a repeat now, and no fault.
        assert (await line.ask(request)).status == 400
        assert (await line.ask(samples(api))).status == 204
    assert api.services.bodies.held_bytes == 0
    assert await api.sql("select value from samples order by ts") == [[1.0], [2.0], [3.0]]


async def test_a_full_disk_is_told_and_forgotten(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with connected(api) as line:
        for at in (1, 2):
            assert (await line.ask(samples(api, at))).status == 204
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", full)
            reply = await line.ask(samples(api, 3))
            assert (reply.status, b"no space left" in reply.body) == (503, True)
        assert (await line.ask(samples(api, 3))).status == 204
    assert api.services.bodies.held_bytes == 0
    assert await api.sql("select count(*) from samples") == [[3]]
