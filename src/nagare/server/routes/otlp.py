"""OTLP metrics over HTTP: thin over the codec.

A client repeats only what was answered with 429, 502, 503 or 504, and never what was taken in part: what was rejected
is told in ``partial_success`` of a 200.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from nagare.errors import InputError
from nagare.interop.otlp.codec import OtlpDecoded
from nagare.interop.otlp.messages import JSON, PROTOBUF, check_media, write_reply
from nagare.model.principal import Permission, Principal
from nagare.model.samples import SamplesReply
from nagare.server.bodies import WORK_INLINE_BYTES
from nagare.server.foreign.forms import otlp_form
from nagare.server.foreign.refusals import refusal_text
from nagare.server.foreign.senders import Sender
from nagare.server.hot.heads import HotAnswer, HotCall, HotRoute
from nagare.server.route import Call, Route
from nagare.server.services import Services

# What is not just known becomes objects: a byte of it costs as much as some of remote write's.
_COST = 8


async def export_metrics(call: Call) -> web.Response:
    """Store a request durably; what could not be taken is counted in the reply."""
    media = check_media(call.request.content_type)
    holding = call.holding
    assert holding is not None  # a raw route always holds its body
    body = await call.services.bodies.unpack(holding)
    sender = call.services.senders.get(call.principal)
    decoded = _find(call.services, sender, media, body)
    if decoded is not None:
        return _reply(media, decoded, await _store(call.services, call.principal, decoded))
    # Deltas of one sender count one request after the other, and each only once it is stored: until the end, though
    # the client has gone.
    response: web.Response = await call.services.finisher.finish(_take(call, sender, media, body))
    return response


async def export_hot(call: HotCall) -> HotAnswer:
    """Do the same for a head that is known, if the request's layout is too. Raises when it is not, or something is refused."""
    services, media = call.services, call.facts
    body = await services.bodies.unpack(call.holding)
    decoded = _find(services, services.senders.get(call.principal), media, body)
    if decoded is None:
        raise InputError("cannot take the short way: the layout is not known")
    reply = await _store(services, call.principal, decoded)
    if reply.refused:
        raise InputError("cannot take the short way: not all of it was taken")
    services.identity.note_use(call.principal)
    return HotAnswer(200, write_reply(media, 0, ""), media)


async def _take(call: Call, sender: Sender, media: str, body: bytes) -> web.Response:
    services = call.services
    async with sender.deltas:
        decode = partial(sender.otlp.decode, body, media, services.clock.now_ms())
        decoded: OtlpDecoded = await services.bodies.work(_COST * len(body), decode)
        if decoded.changes.totals:
            reply = await _store(call.services, call.principal, decoded)
            sender.otlp.commit(decoded)
            return _reply(media, decoded, reply)
    # Nobody's total depends on this one, so nobody need wait until it is stored.
    return _reply(media, decoded, await _store(call.services, call.principal, decoded))


def _find(services: Services, sender: Sender, media: str, body: bytes) -> OtlpDecoded | None:
    """Return what the codec tells at once; a large body is not even compared on the loop."""
    return sender.otlp.find(body, media, services.clock.now_ms()) if len(body) <= WORK_INLINE_BYTES else None


async def _store(services: Services, principal: Principal, decoded: OtlpDecoded) -> SamplesReply:
    services.limits.spend(principal, len(decoded.samples))
    if not len(decoded.samples) and not decoded.metadata:
        return SamplesReply(0)
    return await services.store.append_samples(decoded.samples, metadata=decoded.metadata)


def _reply(media: str, decoded: OtlpDecoded, reply: SamplesReply) -> web.Response:
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
        hot=HotRoute(lambda request: check_media(request.content_type), export_hot),
    ),
)
