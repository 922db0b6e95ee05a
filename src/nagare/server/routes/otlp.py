"""OTLP metrics over HTTP: thin over the codec.

A client repeats only what was answered with 429, 502, 503 or 504, and never what was taken in part: what was rejected
is told in ``partial_success`` of a 200.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from nagare.interop.otlp.codec import OtlpDecoded
from nagare.interop.otlp.messages import JSON, PROTOBUF, check_media, write_reply
from nagare.model.principal import Permission
from nagare.model.samples import SamplesReply
from nagare.server.foreign.forms import otlp_form
from nagare.server.foreign.refusals import refusal_text
from nagare.server.foreign.senders import Sender
from nagare.server.route import Call, Route

# Each data point becomes objects: a byte of it costs as much as some of remote write's.
_COST = 8


async def export_metrics(call: Call) -> web.Response:
    """Store a request durably; what could not be taken is counted in the reply."""
    media = check_media(call.request.content_type)
    holding = call.holding
    assert holding is not None  # a raw route always holds its body
    body = await call.services.bodies.unpack(holding)
    sender = call.services.senders.get(call.principal)
    # Deltas of one sender count one request after the other, and each only once it is stored: until the end, though
    # the client has gone.
    reply: web.Response = await call.services.finisher.finish(_take(call, sender, media, body))
    return reply


async def _take(call: Call, sender: Sender, media: str, body: bytes) -> web.Response:
    services = call.services
    async with sender.deltas:
        decode = partial(sender.otlp.decode, body, media, services.clock.now_ms())
        decoded: OtlpDecoded = await services.bodies.work(_COST * len(body), decode)
        call.spend(len(decoded.samples))
        reply = SamplesReply(0)
        if len(decoded.samples) or decoded.metadata:
            reply = await services.store.append_samples(decoded.samples, metadata=decoded.metadata)
        sender.otlp.commit(decoded)
    rejected, text = _rejected(decoded, reply)
    return web.Response(body=write_reply(media, rejected, text), content_type=media)


def _rejected(decoded: OtlpDecoded, reply: SamplesReply) -> tuple[int, str]:
    texts = [decoded.reason] if decoded.reason else []
    refused = {reason: count for reason, count in reply.refused.items() if count}
    if refused:
        texts.append(refusal_text(reply.accepted + reply.duplicate, refused))
    # The store counts samples, of which a histogram's point has many; more points than came cannot have been rejected.
    return min(decoded.points, decoded.rejected + sum(refused.values())), "; ".join(texts)


ROUTES = (
    Route(
        "POST",
        "/api/v1/otlp/v1/metrics",
        export_metrics,
        "OTLP metrics over HTTP",
        Permission.METRICS_WRITE,
        is_raw=True,
        media=PROTOBUF,
        other_media=(JSON,),
        consumes=(PROTOBUF, JSON),
        form=otlp_form,
    ),
)
