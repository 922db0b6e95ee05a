"""Prometheus remote write, 1.0 and 2.0, also from vmagent: thin over the codec; what a sender is told is the contract.

A sender drops for good what was answered with 400, tries 2.0 and zstd before it falls back on 415, and repeats what was
answered with 5xx: the statuses here are chosen for that.
"""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from nagare.errors import UnsupportedMediaError
from nagare.interop.remote_write.decoded import Decoded
from nagare.interop.remote_write.packing import snappy_length, unpack_snappy
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission
from nagare.model.samples import SamplesReply
from nagare.server.foreign.forms import plain_form
from nagare.server.foreign.refusals import merged, refusal_text
from nagare.server.route import Call, Route

_PROTOBUF = "application/x-protobuf"
_V1, _V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
_WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


async def write_samples(call: Call) -> web.Response:
    """Store a request durably; 400 tells what of it could not be taken, the rest is stored then."""
    version = _version(call.request)
    body = await _unpacked(call)
    codec = call.services.senders.get(call.principal).remote_write
    decode = codec.decode_v2 if version == _V2 else codec.decode_v1
    decoded: Decoded = await call.services.bodies.work(len(body), partial(decode, body))
    call.spend(len(decoded.samples))
    reply = SamplesReply(0)
    if len(decoded.samples) or decoded.metadata:
        reply = await call.services.store.append_samples(decoded.samples, metadata=decoded.metadata)
    return _answer(call, version, decoded, reply)


def _answer(call: Call, version: str, decoded: Decoded, reply: SamplesReply) -> web.Response:
    written = reply.accepted + reply.duplicate
    refused = merged(decoded.refused, reply.refused, {"histograms": decoded.histograms})
    counters = call.services.counters
    counters.add("histograms_refused", decoded.histograms)
    counters.add("exemplars_dropped", decoded.exemplars)
    text = f"{refusal_text(written, refused)}\n" if refused else None
    response = web.Response(status=400 if refused else 204, text=text)
    if version == _V2:
        # Without them a 2.0 sender takes a 2xx for an answer of somebody who understood nothing.
        for kind, count in (("Samples", written), ("Histograms", 0), ("Exemplars", 0)):
            response.headers[_WRITTEN.format(kind)] = str(count)
    return response


def _version(request: web.Request) -> str:
    if request.content_type == _PROTOBUF:
        said = [part.strip() for part in request.headers.get(hdrs.CONTENT_TYPE, "").split(";")[1:]]
        versions = [part[6:].strip('"') for part in said if part.startswith("proto=")]
        version = versions[0] if versions else _V1
        if version in (_V1, _V2):
            return version
    sent = plain(request.headers.get(hdrs.CONTENT_TYPE, ""), 80)
    raise UnsupportedMediaError(
        f"cannot read content type {sent!r} as remote write", hint=f"send {_PROTOBUF}, with proto={_V2} for version 2.0"
    )


async def _unpacked(call: Call) -> bytes:
    holding, bodies = call.holding, call.services.bodies
    assert holding is not None  # a raw route always holds its body
    raw, encoding = holding.body.raw, holding.body.encoding
    if encoding == "snappy":
        limit = call.services.settings.server.unpacked_limit_bytes
        length = snappy_length(raw, limit)
        holding.add(length)
        unpacked: bytes = await bodies.work(length, partial(unpack_snappy, raw, limit))
        return unpacked
    if encoding == "zstd":
        return await bodies.unpack(holding)
    raise UnsupportedMediaError(
        f"cannot use content encoding {plain(encoding, 40)!r} for remote write",
        hint="send snappy (block format) or zstd",
    )


ROUTES = (
    Route(
        "POST",
        "/api/v1/write",
        write_samples,
        "Prometheus remote write 1.0 and 2.0",
        Permission.METRICS_WRITE,
        is_raw=True,
        consumes=(_PROTOBUF, f"{_PROTOBUF};proto={_V2}"),
        success=204,
        form=plain_form,
    ),
)
