"""Real servers on loopback for tests of what connects to them: aiohttp's, and one that answers with given bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from nagare.keys.certificates import ServerCertificate, load_or_make_certificate


@asynccontextmanager
async def serving(*routes: web.RouteDef, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[str]:
    """Serve ``routes`` on a free port and yield the URL."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, reuse_address=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Recorded:
    """What arrived at a ``bytes_server``, one entry a connection."""

    url: str = ""
    connections: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def bytes_server(*answers: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Recorded]:
    """Answer the requests of each connection with ``answers`` in turn, then close it."""
    recorded = Recorded()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        index = len(recorded.connections)
        recorded.connections.append(b"")
        try:
            for answer in answers or (b"",):
                piece = await reader.read(65536)
                recorded.connections[index] += piece
                if not piece:
                    break
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            recorded.ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    recorded.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield recorded


def make_certificate(directory: Path) -> tuple[ServerCertificate, ssl.SSLContext]:
    """Return a certificate for 127.0.0.1 and the server's context with it."""
    certificate = load_or_make_certificate(directory, ["127.0.0.1"], datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    return certificate, context
