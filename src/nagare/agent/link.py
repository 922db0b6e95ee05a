"""An authenticated connection to the server: opened when needed, dropped when it fails, registered anew when refused."""

from __future__ import annotations

import logging
import math

from nagare.agent.batches import Packed, as_json, is_in_binary, rename_host
from nagare.agent.enrolment import Enrolment, Machine, rejoin_hint
from nagare.agent.identity import Identity
from nagare.client.client import BATCH_PATH, Client
from nagare.errors import (
    ConfigError,
    ConflictError,
    DeadlineExceededError,
    HostPendingError,
    InputError,
    LimitExceededError,
    NagareError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaError,
)
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.wire.batch import JSON, BatchReply
from nagare.wire.binary_batch import MEDIA_TYPE
from nagare.wire.signature import signed_bytes

log = logging.getLogger(__name__)

# One request of the agent; a batch that waits longer is better off on disk.
_DEADLINE_SECONDS = 10.0


class Link:
    """Sends batches as one host. Used by one task."""

    def __init__(self, enrolment: Enrolment, machine: Machine, clock: Clock) -> None:
        """Keep the parts; nothing is opened yet."""
        self._enrolment = enrolment
        self._machine = machine
        self._clock = clock
        # The URL of the server that was found last, empty before one was.
        self.server = ""
        self._identity: Identity | None = None
        self._client: Client | None = None
        self._must_register = False
        # When (monotonic) to ask again what this host may: before the first batch of a connection, then seldom.
        self._ask_at = 0.0
        # The server takes batches as JSON alone.
        self._is_json_only = False
        # The server said that the token is old.
        self._renews_token = False

    @property
    def host(self) -> str:
        """The name that batches carry: the registered one, until then the one that will be asked for."""
        return self._identity.name if self._identity else self._enrolment.name

    async def send(self, packed: Packed) -> BatchReply:
        """Deliver one batch, connecting and registering first when need be. Raises like every call."""
        try:
            client, identity = await self._open()
            identity = await self._check_standing(client, identity)
            if self._renews_token:
                client, identity = await self._renew_token(client, identity)
            if packed.host != identity.name:
                packed = rename_host(packed, identity.name)
            return await self._deliver(client, packed)
        except HostPendingError:
            # Nothing is wrong with the token or the connection: both are of use once the host is accepted.
            self._ask_at = 0.0
            raise
        except (UnauthenticatedError, PermissionDeniedError) as error:
            self._turn_back(error)
            await self.close()
            raise self._told(error) from error
        except (UnavailableError, DeadlineExceededError):
            # The server may come back elsewhere: it is looked up again at the next try.
            await self.close()
            raise

    async def _deliver(self, client: Client, packed: Packed) -> BatchReply:
        """Send ``packed`` as it is, and one in binary once more as JSON to a server that is older than that form."""
        if not is_in_binary(packed):
            return await self._post(client, packed, JSON)
        if not self._is_json_only:
            try:
                return await self._post(client, packed, MEDIA_TYPE)
            except UnsupportedMediaError:
                # Until the connection ends: the server that comes back may be a newer one.
                self._is_json_only = True
        return await self._post(client, as_json(packed), JSON)

    async def _post(self, client: Client, packed: Packed, media: str) -> BatchReply:
        signature = self._machine.key.sign(signed_bytes(BATCH_PATH, packed.encoding, packed.body))
        return await client.send_batch(packed.body, packed.encoding, signature, media)

    async def close(self) -> None:
        """Close the connection; the next ``send`` opens another."""
        client, self._client = self._client, None
        self._is_json_only = False
        if client is not None:
            await client.__aexit__(None, None, None)

    async def _open(self) -> tuple[Client, Identity]:
        if self._identity is None:
            self._identity = await self._find_identity()
        if self._identity is None or self._must_register:
            self._identity = await self._register()
        if self._client is None:
            target = self._enrolment.find_target(self._identity.token)
            self.server = target.url
            client = Client(target, deadline_seconds=_DEADLINE_SECONDS, clock=self._clock, is_lean=True)
            self._client = await client.__aenter__()
            self._ask_at = 0.0
        return self._client, self._identity

    async def _check_standing(self, client: Client, identity: Identity) -> Identity:
        """Ask, when it is time to, what this host may. Raises HostPendingError while it may not send samples."""
        if self._clock.monotonic() < self._ask_at:
            return identity
        try:
            standing = await client.standing()
        except NotFoundError:  # a server from before it could be asked; what it granted at first holds
            _check_granted(identity, None)
            self._ask_at = math.inf
            return identity
        if identity.previous:
            identity = self._enrolment.settle(identity, is_taken=True)
        self._identity = identity = self._enrolment.learn(identity, standing)
        _check_granted(identity, standing.again_seconds)
        self._ask_at = self._clock.monotonic() + standing.again_seconds
        self._renews_token = standing.renews_token
        return identity

    async def _renew_token(self, client: Client, identity: Identity) -> tuple[Client, Identity]:
        """Go on with a new token, or with the present one where there is none to be had; asked again with the standing."""
        self._renews_token = False
        try:
            self._identity = await self._enrolment.renew(client, identity, self._machine.key)
        except (NagareError, OSError) as error:
            log.warning("host_token_not_renewed reason=%s", plain(str(error), 300))
            return client, identity
        await self.close()
        client, identity = await self._open()
        return client, await self._check_standing(client, identity)

    def _turn_back(self, error: NagareError) -> None:
        """Choose what to try next, now that the server takes no batch from us."""
        if self._identity is not None and self._identity.previous and isinstance(error, UnauthenticatedError):
            self._identity = self._enrolment.settle(self._identity, is_taken=False)
        else:
            self._must_register = True

    def _told(self, error: NagareError) -> NagareError:
        """Return ``error`` in the words of a host that joined: what a person at the server would look for is not here."""
        if not isinstance(error, UnauthenticatedError) or self._identity is None or not self._identity.has_joined:
            return error
        return UnauthenticatedError(error.message, hint=rejoin_hint(self._identity.name))

    async def _find_identity(self) -> Identity | None:
        """Return what an earlier run left, registered anew if the server should know us differently and we may."""
        known = self._enrolment.find_identity(self._machine)
        if known is None or self._enrolment.is_current(known, self._machine):
            return known
        try:
            return await self._register()
        except (ConfigError, ConflictError, UnauthenticatedError, PermissionDeniedError, NotFoundError) as error:
            log.warning(
                "host_not_updated reason=%s (the server goes on with the interval, labels and version it knows)",
                error.message,
            )
            return known

    async def _register(self) -> Identity:
        try:
            identity = await self._enrolment.register(self._machine, deadline_seconds=_DEADLINE_SECONDS)
        except (ConfigError, UnauthenticatedError, PermissionDeniedError):
            # We may not; the token we have, if any, is tried again, for a server can come back from a backup.
            self._must_register = False
            raise
        except RateLimitedError:
            raise
        except (InputError, LimitExceededError) as error:
            # What is refused is what we say of ourselves: no batch may be set aside for it.
            raise ConfigError(
                f"cannot register host {self._enrolment.name}: {error.message}", hint=error.hint
            ) from error
        self._must_register = False
        return identity


def _check_granted(identity: Identity, again_seconds: float | None) -> None:
    """Raise HostPendingError while the host may not send samples, whatever the server would take."""
    if identity.enrolment == "pending":
        cause = "waits for an operator's word"
    elif "metrics" not in identity.capabilities:
        cause = "may not"
    else:
        return
    raise HostPendingError(
        f"cannot send samples: host {identity.name} {cause}",
        hint=f"on the server: nagare hosts accept {identity.name}",
        retry_after_seconds=again_seconds,
    )
