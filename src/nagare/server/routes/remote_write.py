"""Prometheus remote write, 1.0 and 2.0, also from vmagent: thin over the codec; what a sender is told is the contract.

A sender drops for good what was answered with 400, tries 2.0 and zstd before it falls back on 415, and repeats what was
answered with 5xx: the statuses here are chosen for that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import hdrs, web

from nagare.errors import InputError, UnsupportedMediaError
from nagare.interop.remote_write.codec import RemoteWriteCodec
from nagare.interop.remote_write.decoded import Decoded
from nagare.interop.remote_write.packing import snappy_length
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission, Principal
from nagare.model.samples import SamplesReply
from nagare.server.bodies import WORK_INLINE_BYTES, Holding
from nagare.server.foreign.forms import plain_form
from nagare.server.foreign.refusals import merged, refusal_text
from nagare.server.hot.heads import Finish, HotAnswer, HotCall, HotRoute
from nagare.server.route import Call, Route
from nagare.server.services import Services

_PROTOBUF = "application/x-protobuf"
_V1, _V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
_WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


async def write_samples(call: Call) -> web.Response:
    """Store a request durably; 400 tells what of it could not be taken, the rest is stored then."""
    version, holding = _version(call.request), call.holding
    assert holding is not None  # a raw route always holds its body
    decoded, reply = await _store(call.services, call.principal, version, holding)
    refused = _refused(call.services, decoded, reply)
    text = f"{refusal_text(_written(reply), refused)}\n" if refused else None
    response = web.Response(status=400 if refused else 204, text=text)
    for name, value in _written_headers(version, reply):
        response.headers[name] = value
    return response


async def write_hot(call: HotCall) -> HotAnswer:
    """Do the same for a head that is known. Raises when something is refused: a repeat is no fault, and told in full."""
    return _finish(call, *await _store(call.services, call.principal, call.facts, call.holding))


def begin_hot(call: HotCall, done: Callable[[Any], None]) -> Finish | None:
    """Do the same without a task; None for what must be read beside the loop, and where nothing is to be stored."""
    services = call.services
    codec = services.senders.get(call.principal).remote_write
    decoded = _decode_small(services, codec, call.facts, call.holding)
    if decoded is None or not (len(decoded.samples) or decoded.metadata):
        return None
    services.store.hand_in_samples(decoded.samples, decoded.metadata, done)
    return partial(_finish, call, decoded)


def _finish(call: HotCall, decoded: Decoded, reply: SamplesReply) -> HotAnswer:
    if decoded.refused or reply.refused or decoded.histograms:
        raise InputError("cannot take the short way: not all of it was taken")
    call.services.counters.add("exemplars_dropped", decoded.exemplars)
    call.services.identity.note_use(call.principal)
    return HotAnswer(204, headers=_written_headers(call.facts, reply))


async def _store(
    services: Services, principal: Principal, version: str, holding: Holding
) -> tuple[Decoded, SamplesReply]:
    decoded = await _decoded(services, services.senders.get(principal).remote_write, version, holding)
    services.limits.spend(principal, len(decoded.samples))
    reply = SamplesReply(0)
    if len(decoded.samples) or decoded.metadata:
        reply = await services.store.append_samples(decoded.samples, metadata=decoded.metadata)
    return decoded, reply


def _written(reply: SamplesReply) -> int:
    return reply.accepted + reply.duplicate


def _refused(services: Services, decoded: Decoded, reply: SamplesReply) -> Mapping[str, int]:
    services.counters.add("histograms_refused", decoded.histograms)
    services.counters.add("exemplars_dropped", decoded.exemplars)
    return merged(decoded.refused, reply.refused, {"histograms": decoded.histograms})


def _written_headers(version: str, reply: SamplesReply) -> tuple[tuple[str, str], ...]:
    if version != _V2:
        return ()
    # Without them a 2.0 sender takes a 2xx for an answer of somebody who understood nothing.
    counts = (("Samples", _written(reply)), ("Histograms", 0), ("Exemplars", 0))
    return tuple((_WRITTEN.format(kind), str(count)) for kind, count in counts)


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


async def _decoded(services: Services, codec: RemoteWriteCodec, version: str, holding: Holding) -> Decoded:
    bodies, encoding = services.bodies, holding.body.encoding
    if encoding == "snappy":
        return await bodies.work(*_unsnap(services, codec, version, holding))
    if encoding == "zstd":
        body = await bodies.unpack(holding)
        return await bodies.work(len(body), partial(codec.decode_v2 if version == _V2 else codec.decode_v1, body))
    raise UnsupportedMediaError(
        f"cannot use content encoding {plain(encoding, 40)!r} for remote write",
        hint="send snappy (block format) or zstd",
    )


def _decode_small(services: Services, codec: RemoteWriteCodec, version: str, holding: Holding) -> Decoded | None:
    """Return what a request holds that takes no more than a millisecond; None for any other."""
    if holding.body.encoding == "snappy":
        length, decode = _unsnap(services, codec, version, holding)
        return decode() if length <= WORK_INLINE_BYTES else None
    body = services.bodies.find_small(holding) if holding.body.encoding == "zstd" else None
    if body is None:
        return None
    return codec.decode_v2(body) if version == _V2 else codec.decode_v1(body)


def _unsnap(
    services: Services, codec: RemoteWriteCodec, version: str, holding: Holding
) -> tuple[int, Callable[[], Decoded]]:
    """Return how long a snappy block is unpacked, and what unpacks and decodes it."""
    raw = holding.body.raw
    length = snappy_length(raw, services.settings.server.unpacked_limit_bytes)
    holding.add(length)
    return length, partial(codec.decode_packed_v2 if version == _V2 else codec.decode_packed_v1, raw, length)


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
        hot=HotRoute(_version, write_hot, begin_hot),
    ),
)
