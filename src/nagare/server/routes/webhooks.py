"""Alerts that others tell of: Alertmanager, Grafana, Prometheus and Zabbix, each in its own words, and any by a mapping.

Answered once they are durable. Overload is 503, the one answer after which all of these come again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from aiohttp import web

from nagare.errors import NotFoundError
from nagare.interop.alertmanager import read_alerts, read_webhook
from nagare.interop.mapped_alerts import read_mapped
from nagare.interop.zabbix_alerts import read_zabbix
from nagare.lib.nearest import did_you_mean
from nagare.lib.plain_text import plain
from nagare.model.alert.foreign import Told, source_of
from nagare.model.principal import Permission, Principal, PrincipalKind
from nagare.server.foreign.forms import plain_form
from nagare.server.route import Call, Handler, Route
from nagare.wire.codec import encode

_JSON = "application/json"


async def hear_alertmanager(call: Call) -> web.Response:
    """Take what a webhook of Alertmanager or Grafana tells."""
    await _take(call, read_webhook)
    return _taken()


async def hear_prometheus(call: Call) -> web.Response:
    """Take what Prometheus or vmalert would tell an Alertmanager."""
    await _take(call, partial(read_alerts, now_ms=call.services.clock.now_ms()))
    return _taken()


async def hear_zabbix(call: Call) -> web.Response:
    """Take what a webhook of Zabbix tells; scripts of its media types look for 200 and a body, and write its tags to the event."""
    tags = {}
    for told in await _take(call, read_zabbix):
        if (alert := call.services.alerts.board.find(told.source, told.fingerprint)) is not None:
            # Without an address of ours for people, the one by which the sender reached us is one that it can show.
            public = call.services.settings.server.public_url.rstrip("/")
            tags["nagare_alert"] = f"{public or call.request.url.origin()}/api/v1/alerts/{alert.id}"
    return _taken(tags)


async def hear_mapped(call: Call) -> web.Response:
    """Take what a webhook tells for which the operator wrote a mapping. Raises NotFoundError."""
    name, known = call.path("name"), call.services.alerts.book.webhooks
    webhook = known.get(name)
    if webhook is None:
        hint = did_you_mean(name, list(known)) or "write a table [[webhook]] into a file of the folder alerts.rules"
        raise NotFoundError(f"cannot find webhook {plain(name, 40)!r}: there is none of that name", hint=hint)
    await _take(call, partial(read_mapped, webhook=webhook, now_ms=call.services.clock.now_ms()))
    return _taken()


async def _take(call: Call, read: Callable[[bytes], Sequence[Told]]) -> Sequence[Told]:
    """Return what the body tells, once it is durable, with the sources under which it is known."""
    services, holding = call.services, call.holding
    assert holding is not None  # a raw route always holds its body
    body = await services.bodies.unpack(holding)
    told = await services.bodies.work(len(body), partial(read, body))
    known = await services.alerts.writing.foreign(_of_sender(told, call.principal))
    await services.alerts.intake.take(known)
    return known


def _taken(tags: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=encode({"status": "ok", **({"tags": tags} if tags else {})}), content_type=_JSON)


def _of_sender(told: Sequence[Told], principal: Principal) -> Sequence[Told]:
    """Return ``told`` with whose key it came with: two senders may have things of the same labels."""
    if principal.kind is not PrincipalKind.KEY:
        return told
    key = f"{principal.name}.{principal.key_name}"
    return [replace(one, source=source_of(one.source, key)) for one in told]


def _route(path: str, handler: Handler, summary: str) -> Route:
    return Route(
        "POST", path, handler, summary, Permission.ALERTS_SEND, is_raw=True, consumes=(_JSON,), form=plain_form, finishes=True,
    )  # fmt: skip


ROUTES = (
    _route("/api/v1/webhooks/alertmanager", hear_alertmanager, "Alertmanager's webhook, version 4, and Grafana's"),
    _route("/api/v2/alerts", hear_prometheus, "Alerts as Prometheus and vmalert send them to an Alertmanager"),
    _route("/api/v1/webhooks/zabbix", hear_zabbix, "A webhook of Zabbix"),
    _route("/api/v1/webhooks/generic/{name}", hear_mapped, "A webhook of any sender, by the mapping of that name"),
)
