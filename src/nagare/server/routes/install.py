"""How a machine becomes a host with one line: the script, and the agent's file that it fetches."""

from __future__ import annotations

import asyncio

from aiohttp import web

from nagare.bundles.script import write_script
from nagare.errors import StorageError
from nagare.keys.certificates import ServerCertificate
from nagare.server.agent_files import MEDIA
from nagare.server.route import Call, Route

_SHELL = "text/x-shellscript"


async def script(call: Call) -> web.Response:
    """Return the script, with the server's address, its authority and the SHA-256 of the files in it."""
    services = call.services
    digests = await services.agent_files.digests()
    authority = await asyncio.to_thread(_authority, services.certificate)
    # The gate has let only names of this server through.
    text = write_script(f"{call.request.scheme}://{call.request.host}", authority, digests)
    return web.Response(text=text, content_type=_SHELL, headers={"Cache-Control": "no-store"})


async def bundle(call: Call) -> web.StreamResponse:
    """Return the agent's file for a processor."""
    files = call.services.agent_files
    return await files.send(call.request, await files.find(call.path("arch")))


def _authority(certificate: ServerCertificate | None) -> str:
    if certificate is None or certificate.ca_file is None:
        return ""
    try:
        return certificate.ca_file.read_text(encoding="ascii")
    except OSError as error:
        raise StorageError(f"cannot read {certificate.ca_file}: {(error.strerror or 'unreadable').lower()}") from error


ROUTES = (
    Route("GET", "/install.sh", script, "The script that makes a machine a host", None, media=_SHELL),
    Route("GET", "/api/v1/agent/bundle/{arch}", bundle, "The agent's file for a processor", None, media=MEDIA),
)
