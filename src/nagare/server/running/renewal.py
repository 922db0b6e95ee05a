"""Renews the server's certificate while it runs: new handshakes see the new one, connections that stand live on."""

from __future__ import annotations

import asyncio
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.server.running.listen import Listen, own_names
from nagare.server.running.tls import find_certificate

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)

# It is due months before it must be done; a new address waits so long for its name in the certificate.
_LOOK_SECONDS = 3600.0


class Renewal:
    """Watches one certificate. ``run`` works until cancelled; ``current`` is the one that is served now."""

    def __init__(
        self, settings: Settings, listen: Listen, clock: Clock, current: ServerCertificate, context: ssl.SSLContext
    ) -> None:
        """Keep ``context``, which serves ``current``."""
        self._settings = settings
        self._listen = listen
        self._clock = clock
        self._context = context
        self.current = current

    async def run(self) -> None:
        """Look now and then, until cancelled; what fails is told and tried again at the next look."""
        with ThreadPoolExecutor(1, thread_name_prefix="certificate") as thread:
            while True:
                await self._clock.sleep(_LOOK_SECONDS)
                try:
                    await asyncio.get_running_loop().run_in_executor(thread, self.look)
                except (NagareError, OSError) as error:
                    log.warning("certificate_not_renewed until=%s: %s", self.current.expires_at.date(), error)

    def look(self) -> None:
        """Renew the certificate if it is due or an address is new. Raises ConfigError, OSError."""
        # The addresses of a machine change.
        own_names.cache_clear()
        found = find_certificate(self._settings, self._listen, self._clock.now())
        if found is None or found.serial == self.current.serial:
            return
        # The key is the same in both: no handshake finds a key that is not its certificate's.
        self._context.load_cert_chain(found.certificate_file, found.key_file)
        self.current = found
        log.info("certificate_renewed until=%s pin=%s", found.expires_at.date(), found.pin)
