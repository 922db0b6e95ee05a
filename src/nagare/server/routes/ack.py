"""Acknowledging by a link in a notification: a page that changes nothing, and its button. Open to whoever has the link."""

from __future__ import annotations

from aiohttp import web

from nagare.alerting.notify.acking import Shown
from nagare.model.principal import Principal
from nagare.server.ack_page import ask_page, done_page, html, page_form
from nagare.server.route import Call, Route
from nagare.server.services import PRINCIPAL

_HTML = "text/html"


async def show_link(call: Call) -> web.Response:
    """Show what a link is about. Whoever only looks, as programs that preview links do, changes nothing."""
    # What went well is no change, and not on record; what was refused is.
    call.note.is_quiet = True
    shown = await call.services.acking.look(call.path("token"))
    return html(ask_page(shown.takeable, shown.actor) if shown.takeable else done_page(shown.alerts))


async def take_link(call: Call) -> web.Response:
    """Acknowledge what is active of the link's incident."""
    shown: Shown = await call.services.acking.take(call.path("token"))
    taken = [alert.id for alert in shown.alerts if alert.owner == shown.actor]
    call.note.tell(shown.link.incident, after={"owner": shown.actor, "alerts": taken[:50], "count": len(taken)})
    # On record as who the link makes of its holder.
    call.request[PRINCIPAL] = Principal(id=shown.link.id[:32], name=shown.actor)
    return html(done_page(shown.alerts))


_PATH = "/ack/{token}"
ROUTES = (
    Route(
        "GET", _PATH, show_link, "What a link in a notification is about; changes nothing", None, media=_HTML,
        action="alerts.ack", is_guess=True, has_secret_path=True, form=page_form, refuses=(409,),
    ),
    Route(
        "POST", _PATH, take_link, "Acknowledge what is active of a link's incident, once", None, media=_HTML,
        action="alerts.ack", is_guess=True, has_secret_path=True, form=page_form, refuses=(409, 507),
    ),
)  # fmt: skip
