"""InfluxDB's line protocol, as Telegraf and Proxmox send it to version 1 and version 2: thin over the codec.

A malformed line refuses its request whole. What of sound lines cannot be stored is told as InfluxDB tells a partial
write: 400, and the others are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from aiohttp import web

from nagare.errors import InputError
from nagare.interop.influx.codec import Lines
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission, Principal
from nagare.model.wide import WideRefusal, WideReply
from nagare.server.bodies import Holding
from nagare.server.foreign.fault import Fault
from nagare.server.foreign.forms import influx_form
from nagare.server.hot.heads import HotAnswer, HotCall, HotRoute
from nagare.server.route import Call, Param, Route
from nagare.server.services import Services

# Of both versions; the first one's clients also say u, m and h.
_UNITS_NS = {
    "ns": 1,
    "n": 1,
    "us": 1000,
    "u": 1000,
    "µ": 1000,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_TOLD_LINES = 5
_CONTENT_TYPE = "text/plain"


async def write_lines(call: Call) -> web.Response:
    """Store lines durably; 400 tells those that could not be taken, the rest is stored then."""
    holding = call.holding
    assert holding is not None  # a raw route always holds its body
    unit_ns = _unit_ns(call.query.get("precision", ""))
    lines = await _read(call.services, call.principal, unit_ns, holding)
    reply = await _store(call.services, call.principal, lines)
    refused = sorted((*lines.refused, *reply.refused), key=lambda refusal: refusal.line)
    return _partly(call, reply.accepted, refused) if refused else web.Response(status=204)


async def write_hot(call: HotCall) -> HotAnswer:
    """Do the same for a head that is known. Raises when something is refused: lines that come again are no fault."""
    lines = await _read(call.services, call.principal, call.facts, call.holding)
    if lines.refused or (await _store(call.services, call.principal, lines)).refused:
        raise InputError("cannot take the short way: not all of it was taken")
    call.services.identity.note_use(call.principal)
    return HotAnswer(204)


async def _read(services: Services, principal: Principal, unit_ns: int, holding: Holding) -> Lines:
    body = await services.bodies.unpack(holding)
    codec = services.senders.get(principal).influx
    decode = partial(codec.decode, body, unit_ns, services.clock.now_ms() * 10**6)
    lines: Lines = await services.bodies.work(len(body), decode)
    return lines


async def _store(services: Services, principal: Principal, lines: Lines) -> WideReply:
    services.limits.spend(principal, sum(len(rows) * len(rows.fields) for rows in lines.tables))
    return await services.store.append_wide(lines.tables) if lines.tables else WideReply(0)


def _partly(call: Call, stored: int, refused: Sequence[WideRefusal]) -> web.Response:
    told = "; ".join(f"line {refusal.line}: {refusal.reason}" for refusal in refused[:_TOLD_LINES])
    more = len(refused) - _TOLD_LINES
    rest = f"; and {more} more" if more > 0 else ""
    text = f"partial write: {stored} lines stored, dropped={len(refused)}: {told}{rest}"
    return influx_form(call.request, Fault(400, text, refused[0].line))


def _unit_ns(precision: str) -> int:
    unit = _UNITS_NS.get(precision or "ns")
    if unit is None:
        raise InputError(f"cannot use precision {plain(precision, 20)!r}: ns, us, ms, s, m and h are lawful")
    return unit


_PARAMS = (Param("precision", "string", "what the lines' times count: ns (the default), us, ms, s, and u, m, h"),)


_HOT = HotRoute(lambda request: _unit_ns(request.query.get("precision", "")), write_hot)


async def write_lines_v2(call: Call) -> web.Response:
    """Store lines durably, sent as to version 2: ``org`` and ``bucket`` are not asked for."""
    return await write_lines(call)


ROUTES = (
    Route(
        "POST",
        "/write",
        write_lines,
        "InfluxDB line protocol, version 1",
        Permission.METRICS_WRITE,
        is_raw=True,
        consumes=(_CONTENT_TYPE,),
        success=204,
        params=_PARAMS,
        form=influx_form,
        hot=_HOT,
    ),
    Route(
        "POST",
        "/api/v2/write",
        write_lines_v2,
        "InfluxDB line protocol, version 2",
        Permission.METRICS_WRITE,
        is_raw=True,
        consumes=(_CONTENT_TYPE,),
        success=204,
        params=_PARAMS,
        form=influx_form,
        hot=_HOT,
    ),
)
