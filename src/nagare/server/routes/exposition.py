"""Expositions pushed instead of scraped: cron jobs and scripts POST what an exporter would show."""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from nagare.errors import InputError
from nagare.interop.columns import Parsed
from nagare.interop.exposition import OPENMETRICS, parse_exposition
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission
from nagare.model.samples import SeriesId
from nagare.server.foreign.forms import plain_form
from nagare.server.foreign.refusals import refusal_text
from nagare.server.route import Call, Param, Route

_LABELS_LIMIT = 64
# Lines that one sender repeats; when there are more, remembering begins anew.
_KNOWN_LIMIT = 100_000


async def import_exposition(call: Call) -> web.Response:
    """Store what an exposition shows durably; 400 tells what of it could not be taken, the rest is stored then."""
    services, holding = call.services, call.holding
    assert holding is not None  # a raw route always holds its body
    extra = _extra(call)
    body = await services.bodies.unpack(holding)
    sender = services.senders.get(call.principal)
    known: dict[bytes, SeriesId] = {} if extra else sender.exposition
    if len(known) > _KNOWN_LIMIT:
        known.clear()
    parse = partial(
        parse_exposition,
        body,
        content_type=call.request.headers.get(hdrs.CONTENT_TYPE, ""),
        now_ms=services.clock.now_ms(),
        intern=sender.intern,
        extra=extra,
        known=known,
        honor_labels=True,
    )
    parsed: Parsed = await services.bodies.work(len(body), parse)
    call.spend(len(parsed.samples))
    reply = await services.store.append_samples(parsed.samples, metadata=parsed.metadata)
    refused = {reason: count for reason, count in reply.refused.items() if count}
    if refused:
        return web.Response(status=400, text=f"{refusal_text(reply.accepted + reply.duplicate, refused)}\n")
    return web.Response(status=204)


def _extra(call: Call) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in call.request.query.getall("extra_label", []):
        name, separator, value = text.partition("=")
        if not separator or not name or len(labels) >= _LABELS_LIMIT:
            raise InputError(
                f"cannot use extra_label {plain(text, 80)!r}: NAME=VALUE is lawful, {_LABELS_LIMIT} at most"
            )
        labels[name] = value
    return labels


ROUTES = (
    Route(
        "POST",
        "/api/v1/import/prometheus",
        import_exposition,
        "Store a pushed Prometheus or OpenMetrics exposition",
        Permission.METRICS_WRITE,
        is_raw=True,
        consumes=("text/plain", OPENMETRICS),
        success=204,
        params=(Param("extra_label", "string", "NAME=VALUE, a label for every series that lacks it; may be repeated"),),
        form=plain_form,
    ),
)
