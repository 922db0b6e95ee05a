"""Updates of agents: publishing them, rolling them out, and what an agent asks."""

from __future__ import annotations

import re

from aiohttp import web

from nagare.errors import InputError, UnsupportedMediaError
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.rollouts import (
    PublishRequest,
    RolloutList,
    RolloutRequest,
    RolloutView,
    UpdateOffer,
    UpdateReport,
    UpdatesView,
)

_BYTES = "application/octet-stream"
_DIGEST = re.compile(r"[0-9a-f]{64}")


async def ask(call: Call) -> UpdateOffer:
    """Note what an agent runs and how its last try ended, and offer it what it shall try now."""
    if call.principal.host is None:
        # Whoever is no host may look how the answer is made; there is nothing to update.
        return UpdateOffer()
    return await call.services.updates.offer(call.principal.host, call.value)


async def fetch_piece(call: Call) -> web.Response:
    """Return the piece of a published bundle that begins at ``offset``; an empty one is its end."""
    offset = whole_number(call.query, "offset", "send bundle", 0, 2**31) or 0
    content = await call.services.updates.publishing.read(_digest(call), offset)
    return web.Response(body=content, content_type=_BYTES)


async def show(call: Call) -> UpdatesView:
    """Return what is published and who signs."""
    return call.services.updates.publishing.view()


async def upload(call: Call) -> None:
    """Keep a bundle for the list that will name it."""
    holding = call.holding
    assert holding is not None  # a raw route always holds its body
    if call.request.content_type != _BYTES or holding.body.encoding != "identity":
        raise UnsupportedMediaError(f"cannot take in bundle: send it as {_BYTES}, not packed")
    call.note.tell(_digest(call), after={"length": len(holding.body.raw)})
    await call.services.updates.publishing.upload(_digest(call), holding.body.raw)


async def publish(call: Call) -> UpdatesView:
    """Publish bundles, or documents that were signed elsewhere, once they are verified."""
    publishing = call.services.updates.publishing
    call.note.tell("updates", before=_told(publishing.view()))
    view = await publishing.publish(call.value)
    call.note.tell(after=_told(view))
    return view


async def list_rollouts(call: Call) -> RolloutList:
    """Return rollouts, the newest first."""
    return RolloutList(await call.services.updates.views())


async def start(call: Call) -> RolloutView:
    """Begin a rollout with its canaries."""
    call.note.tell(call.value.version)
    view = await call.services.updates.start(call.value, call.principal.name)
    call.note.tell(after={"id": view.id, "version": view.version, "canaries": view.canaries, "waves": view.waves})
    return view


async def pause(call: Call) -> RolloutView:
    """Offer nothing more until it goes on."""
    call.note.tell(call.path("id"))
    return await call.services.updates.pause(call.path("id"))


async def resume(call: Call) -> RolloutView:
    """Go on, and try again where it failed."""
    call.note.tell(call.path("id"))
    return await call.services.updates.resume(call.path("id"))


async def abort(call: Call) -> RolloutView:
    """End it for good; hosts that have the version keep it."""
    call.note.tell(call.path("id"))
    return await call.services.updates.abort(call.path("id"))


def _digest(call: Call) -> str:
    digest = call.path("id")
    if _DIGEST.fullmatch(digest) is None:
        raise InputError(f"cannot find bundle {digest[:80]!r}: name it by its SHA-256 in lower-case hex")
    return digest


def _told(view: UpdatesView) -> dict[str, object]:
    versions = {document.role: document.version for document in view.documents}
    return {**versions, "bundles": [bundle.name for bundle in view.bundles][:50]}


_ROLLOUTS = "/api/v1/updates/rollouts"


def _verb(name: str, handler: object, summary: str) -> Route:
    return Route(
        "POST",
        f"{_ROLLOUTS}/{{id}}/{name}",
        handler,  # type: ignore[arg-type]
        summary,
        Permission.UPDATES_ROLLOUT,
        reply=RolloutView,
        action=f"updates.{name}",
        refuses=(409,),
    )


ROUTES = (
    Route(
        "POST",
        "/api/v1/agent/update",
        ask,
        "Ask for an update of the asking host",
        Permission.UPDATES_FETCH,
        request=UpdateReport,
        reply=UpdateOffer,
        refuses=(404,),
        finishes=True,
    ),
    Route(
        "GET",
        "/api/v1/agent/update/{id}",
        fetch_piece,
        "A piece of a published bundle",
        Permission.UPDATES_FETCH,
        media=_BYTES,
        params=(Param("offset", "integer", "byte of the bundle at which the piece begins"),),
    ),
    Route(
        "GET", "/api/v1/updates", show, "Published bundles and their keys", Permission.UPDATES_READ, reply=UpdatesView
    ),
    Route(
        "PUT",
        "/api/v1/updates/files/{id}",
        upload,
        "Send a bundle to publish",
        Permission.UPDATES_PUBLISH,
        is_raw=True,
        consumes=(_BYTES,),
        success=204,
        action="updates.upload",
    ),
    Route(
        "POST",
        "/api/v1/updates",
        publish,
        "Publish bundles",
        Permission.UPDATES_PUBLISH,
        request=PublishRequest,
        reply=UpdatesView,
        action="updates.publish",
        refuses=(404,),
    ),
    Route("GET", _ROLLOUTS, list_rollouts, "Rollouts, the newest first", Permission.UPDATES_READ, reply=RolloutList),
    Route(
        "POST",
        _ROLLOUTS,
        start,
        "Start a rollout",
        Permission.UPDATES_ROLLOUT,
        request=RolloutRequest,
        reply=RolloutView,
        action="updates.start",
        refuses=(404, 409),
    ),
    _verb("pause", pause, "Pause a rollout"),
    _verb("resume", resume, "Resume a rollout"),
    _verb("abort", abort, "Abort a rollout"),
)
