"""Keeps the served certificate good while the server runs: new handshakes see the new one, connections live on.

A private one is renewed by its key. One that the user brought is taken up when its files change, if it is whole; if not,
the one before stays and the fault is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.model.event import Event, Severity
from nagare.server.running.certificate_events import ending, told
from nagare.server.running.listen import Listen, own_names
from nagare.server.running.served import Served
from nagare.server.running.tls import find_certificate, make_context, own_files

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)

# A private one is due months before it must be done; a new address waits so long for its name in the certificate.
_LOOK_SECONDS = 3600.0
# Three small files; whoever replaced them looks at the log or the browser next.
_OWN_LOOK_SECONDS = 10.0
_READ_BYTES = 2**20 + 1

_Found = tuple["ServerCertificate", ssl.SSLContext]


def _read(file: Path) -> bytes:
    # What cannot be read is named when the certificate is loaded, with the way out; there its size is bounded too.
    with contextlib.suppress(OSError), file.open("rb") as opened:
        return opened.read(_READ_BYTES)
    return b""


async def _tell_nobody(_event: Event) -> None:
    """Drop it: who watches alone has nobody to tell."""


class Renewal:
    """Watches one certificate. ``run`` works until cancelled."""

    def __init__(
        self,
        settings: Settings,
        listen: Listen,
        clock: Clock,
        served: Served,
        *,
        tell: Callable[[Event], Awaitable[None]] = _tell_nobody,
        on_swap: Callable[[ServerCertificate], None] = lambda _found: None,
    ) -> None:
        """Keep ``served``; events go to ``tell``, and ``on_swap`` hears in a thread which certificate comes next."""
        self._settings = settings
        self._listen = listen
        self._clock = clock
        self._served = served
        self._tell = tell
        self._on_swap = on_swap
        self._seen = ""
        self._warned = ""
        self._look_seconds = _OWN_LOOK_SECONDS if served.current.is_own else _LOOK_SECONDS

    async def run(self) -> None:
        """Look now and then, until cancelled; what fails is told and tried again at the next look."""
        with ThreadPoolExecutor(1, thread_name_prefix="certificate") as thread:
            while True:
                await self.look(thread)
                await self._clock.sleep(self._look_seconds)

    async def look(self, thread: ThreadPoolExecutor) -> None:
        """Take up a certificate that is new, keep the old one beside a fault, warn of the end; tell each once."""
        served = self._served
        try:
            found = await asyncio.get_running_loop().run_in_executor(thread, self._find)
        except (NagareError, OSError) as error:
            if served.fault != str(error):
                log.warning("certificate_refused until=%s: %s", served.current.expires_at.date(), error)
                served.fault = str(error)
                await self._tell(told("certificate.refused", Severity.HIGH, str(error), served.current, self._clock))
        else:
            if found is not None:
                served.swap(*found)
                log.info(
                    "certificate_changed until=%s pin=%s next=%s",
                    served.current.expires_at.date(),
                    served.current.pin,
                    ",".join(served.current.next_pins) or "none",
                )
                count = len(served.current.next_pins)
                text = f"serving {served.current.certificate_file}" + (
                    f", hosts are told the next {count}" if count else ""
                )
                await self._tell(told("certificate.changed", Severity.INFO, text, served.current, self._clock))
        event = ending(served, self._clock)
        if event is not None and event.id != self._warned:
            self._warned = event.id
            await self._tell(event)

    def _find(self) -> _Found | None:
        """Return what is to be served from now on, None when nothing is new. Raises ConfigError, OSError."""
        # The addresses of a machine change.
        own_names.cache_clear()
        digest = self._digest()
        if digest and digest == self._seen:
            self._served.fault = ""  # what was refused in between is gone again
            return None
        # A bad one is read again at each look: one that is not valid yet becomes good by itself.
        found = find_certificate(self._settings, self._listen, self._clock.now())
        context = None if found is None or self._is_served(found, digest) else make_context(found)
        if digest != self._digest():
            # Somebody is writing it at this moment.
            return None
        if found is not None and context is not None:
            self._on_swap(found)
        self._seen, self._served.fault = digest, ""
        return None if found is None or context is None else (found, context)

    def _is_served(self, found: ServerCertificate, digest: str) -> bool:
        # Of an own one the rest of the chain may have changed, of which the description says nothing.
        return found == self._served.current and (not digest or not self._seen)

    def _digest(self) -> str:
        """Return what tells one content of the user's files from another, nothing for a private certificate."""
        if not self._served.current.is_own:
            return ""
        digest = hashlib.sha256()
        for file in own_files(self._settings) or ():
            content = b"" if file is None else _read(file)
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.hexdigest()
