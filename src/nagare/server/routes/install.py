"""How a machine becomes a host with one line: the script, and the agent's file that it fetches."""

from __future__ import annotations

from aiohttp import web

from nagare.bundles.script import write_script
from nagare.server.agent_files import MEDIA
from nagare.server.route import Call, Route

_SHELL = "text/x-shellscript"


async def script(call: Call) -> web.Response:
    """Return the script, with the server's address, its authority and the SHA-256 of the files in it."""
    services = call.services
    digests = await services.agent_files.digests()
    authority = "" if services.certificate is None else services.certificate.current.authority
    # The gate has let only names of this server through.
    text = write_script(f"{call.request.scheme}://{call.request.host}", authority, digests)
    return web.Response(text=text, content_type=_SHELL, headers={"Cache-Control": "no-store"})


async def bundle(call: Call) -> web.StreamResponse:
    """Return the agent's file for a processor."""
    files = call.services.agent_files
    return await files.send(call.request, await files.find(call.path("arch")))


ROUTES = (
    Route("GET", "/install.sh", script, "The script that makes a machine a host", None, media=_SHELL),
    Route(
        "GET",
        "/api/v1/agent/bundle/{arch}",
        bundle,
        "The agent's file for a processor",
        None,
        media=MEDIA,
        # What the server would build it of may not fit together.
        refuses=(409, 413),
    ),
)
