"""Taking in the agent's batches: check who sends, store, and only then answer and tell the live connections.

Only a host's own token may ingest, and only as that host. An administrator's token may not: samples always carry the
identity of the machine that took them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nagare.errors import InputError, PermissionDeniedError, UnauthenticatedError
from nagare.fleet.gaps.seen import Seen, find_seen
from nagare.keys.batch_signatures import is_batch_signed
from nagare.model.host import Host
from nagare.model.principal import Permission
from nagare.server.bodies import Body, Holding, check_media
from nagare.server.hot.heads import Finish, HotAnswer, HotCall, HotRoute
from nagare.server.hub import EVENTS_TABLE
from nagare.server.live.batch_rows import Tables, accepted_tables, events_of
from nagare.server.live.event_cells import check_event_cells
from nagare.server.route import Call, Route
from nagare.server.services import Services
from nagare.wire.batch import BATCH_VERSION, JSON, Batch, BatchReply
from nagare.wire.binary_batch import MEDIA_TYPE, decode_batch
from nagare.wire.binary_columns import find_ordinary
from nagare.wire.codec import encode
from nagare.wire.signature import HEADER, signed_bytes
from nagare.wire.sound_batch import SoundBatch


async def ingest(call: Call) -> BatchReply:
    """Store a batch durably. Raises errors for a batch that is refused whole; nothing of it is stored then."""
    services, holding = call.services, call.holding
    assert holding is not None  # a raw route always holds its body
    host = call.principal.host
    if host is None:
        raise PermissionDeniedError(
            "cannot ingest with this token: it belongs to no host",
            hint="register the host (POST /api/v1/hosts/register) and use the token that comes back",
        )
    check_media(call.request, JSON, MEDIA_TYPE)
    _check_signature(services, host, call.request.path, call.request.headers.get(HEADER, ""), holding.body)
    batch = await _decode(services, holding)
    _check_batch(batch, host)
    if services.limits.is_on:
        call.spend(sum(len(cells.get("ts") or ()) * (len(cells) - 1) for cells in batch.tables.values()))
    reply: BatchReply = await services.finisher.finish(_store(services, batch))
    return reply


async def _decode(services: Services, holding: Holding) -> Batch | SoundBatch:
    content = services.bodies.find_small(holding)
    sound = None if content is None else find_ordinary(content, holding.body.encoding, holding.body.raw)
    if sound is not None:
        return sound
    unpacked = await services.bodies.unpack(holding) if content is None else content
    return await services.bodies.work(len(unpacked), partial(decode_batch, unpacked))


async def _store(services: Services, batch: Batch | SoundBatch) -> BatchReply:
    reply = await services.store.append(batch)
    word = _note(services, batch, reply)
    if word is not None:
        await services.gaps.keep(*word)
    return reply


def _note(services: Services, batch: Batch | SoundBatch, reply: BatchReply) -> tuple[Host, Seen] | None:
    """Tell everybody here of a batch that was just stored; return what must be kept before it is answered."""
    services.fleet.touch(batch.host)
    services.counters.add("batches")
    tables = accepted_tables(batch, reply)
    if not reply.duplicate:
        services.anomalies.note(batch.host, tables)
        _publish(services, batch, tables)
    seen = find_seen(batch.boot, batch.seq, batch.thinned, tables)
    host = services.fleet.find(batch.host)
    if seen is None or host is None:
        return None
    if seen.is_word:
        # One that comes again too: a crash may have come between its rows and this.
        return host, seen
    if not reply.duplicate:
        services.gaps.note(host, seen)
    return None


def _publish(services: Services, batch: Batch | SoundBatch, tables: Tables) -> None:
    if EVENTS_TABLE in tables:
        for event in events_of(batch.host, tables):
            services.hub.publish_event(event)
    if tables and services.newest.is_newest(batch, services.clock.now_ms()):
        services.queues.note(batch.host, tables.get("agent"))
        services.hub.publish_rows(batch.host, tables)


def _check_batch(batch: Batch | SoundBatch, host: str) -> None:
    if batch.v != BATCH_VERSION:
        raise InputError(
            f"cannot take batch of version {batch.v}: this server takes version {BATCH_VERSION}",
            hint="update the server before its agents",
            errors=[{"pointer": "#/v", "detail": f"{BATCH_VERSION} is spoken here"}],
        )
    if batch.host != host:
        raise PermissionDeniedError(
            f"cannot take batch of host {batch.host[:80]!r}: this token may only speak as {host!r}"
        )
    check_event_cells(batch.tables)


def _check_signature(services: Services, host: str, path: str, signature: str, body: Body) -> None:
    known = services.fleet.get(host)
    if known.public_key is None:
        return
    if not signature:
        raise UnauthenticatedError(
            f"cannot take batch of host {host!r}: it has a key, and the batch carries no {HEADER}",
            hint="register the host again if its key was lost",
        )
    if not is_batch_signed(known.public_key, signature, signed_bytes(path, body.encoding, body.raw)):
        raise UnauthenticatedError(f"cannot take batch of host {host!r}: its {HEADER} does not match its key")


async def ingest_hot(call: HotCall) -> HotAnswer:
    """Do the same for a head that is known, when the batch is an ordinary one. Raises for any other."""
    return _answer(call, await _store(call.services, _take(call)))


def begin_hot(call: HotCall, done: Callable[[Any], None]) -> Finish | None:
    """Do the same without a task; None for a batch whose word of time has to be kept before its answer."""
    batch = _take(call)
    if batch.thinned:
        return None
    call.services.store.hand_in(batch, done)
    return partial(_finish, call, batch)


def _take(call: HotCall) -> SoundBatch:
    services, holding, host = call.services, call.holding, call.principal.host
    assert host is not None  # no other token has a known head here
    _check_signature(services, host, call.path, call.signature, holding.body)
    content = services.bodies.find_small(holding)
    batch = None if content is None else find_ordinary(content, holding.body.encoding, holding.body.raw)
    if batch is None:
        raise _not_ordinary()
    _check_batch(batch, host)
    return batch


def _finish(call: HotCall, batch: SoundBatch, reply: BatchReply) -> HotAnswer:
    if _note(call.services, batch, reply) is not None:
        raise _not_ordinary()
    return _answer(call, reply)


def _answer(call: HotCall, reply: BatchReply) -> HotAnswer:
    call.services.identity.note_use(call.principal)
    return HotAnswer(200, encode(reply), "application/json")


def _not_ordinary() -> InputError:
    return InputError("cannot take the short way: the batch is not an ordinary one")


ROUTES = (
    Route(
        "POST",
        "/api/v1/metrics/batch",
        ingest,
        "Store a host's batch of samples",
        Permission.METRICS_WRITE,
        request=Batch,
        other_consumes=(MEDIA_TYPE,),
        reply=BatchReply,
        refuses=(404,),
        is_raw=True,
        hot=HotRoute(lambda _request: None, ingest_hot, begin_hot),
    ),
)
