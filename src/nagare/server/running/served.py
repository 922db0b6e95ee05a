"""The certificate that is served now, and what is wrong with the one that should be."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

# Below the first an operator is warned, below the second it is urgent. A private one is renewed long before: it comes
# here only when that does not work.
SOON, URGENT = timedelta(days=21), timedelta(days=7)


class Served:
    """Routes ask it; the task that watches the files changes it. All on the loop, but for handshakes, which only read."""

    def __init__(self, current: ServerCertificate, context: ssl.SSLContext) -> None:
        """Serve ``current``, which ``context`` has loaded and the listener holds."""
        self.current = current
        # Why what stands on the disk is not served; empty when it is.
        self.fault = ""
        self.context = context
        self._newest = context
        context.sni_callback = self._choose

    def swap(self, found: ServerCertificate, context: ssl.SSLContext) -> None:
        """Serve ``found``, which ``context`` has loaded, in new handshakes; connections that stand live on."""
        self.current, self._newest, self.fault = found, context, ""

    def remaining(self, now: datetime) -> timedelta:
        """Return how long the certificate is still good; below zero it is not."""
        return self.current.expires_at - now

    def worry(self, now: datetime) -> str:
        """Return what an operator should know, empty when all is well."""
        return self.fault or self.end_worry(now)

    def end_worry(self, now: datetime) -> str:
        """Return when the certificate ends, if that is near; empty while it is far."""
        left = self.remaining(now)
        if left > SOON:
            return ""
        end = f"{self.current.expires_at:%Y-%m-%d %H:%M} UTC"
        return f"the certificate ended on {end}" if left <= timedelta(0) else f"the certificate ends on {end}"

    def _choose(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        # Asked in every handshake, with or without a name. A pair that is loaded into a fresh context can fail without
        # harm; loaded into the one that listens, half of it would stay.
        if self._newest is not self.context:
            handshake.context = self._newest
