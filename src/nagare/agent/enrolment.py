"""Finds the server and becomes a host of it: registers once with a token that may, then holds a host's own token.

Without configuration the server is the one of this installation, looked up anew each time, because it may start later
or come back on another port.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nagare import __version__
from nagare.agent.identity import Identity, IdentityFiles
from nagare.agent.join_token import JoinToken, read_join_token
from nagare.client.client import RENEW_PATH, Client
from nagare.client.target import Target, local_token_for, read_server_note, read_token
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import ConfigError
from nagare.keys.signing import SigningKey
from nagare.lib.clock import Clock
from nagare.lib.names import check_host
from nagare.net.proof import why_unproven
from nagare.wire.codec import encode
from nagare.wire.hosts import RegisterReply, RegisterRequest, Standing, TokenRenewal
from nagare.wire.signature import signed_bytes

log = logging.getLogger(__name__)

# The identity's ``server`` when it is the one of this installation, whose port may change.
_OWN = "own"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the agent presents when it registers."""

    machine_id: str
    key: SigningKey
    facts: Mapping[str, str]


class Enrolment:
    """The way to a server and the identity there."""

    def __init__(self, settings: AgentSettings, places: Places, files: IdentityFiles, clock: Clock) -> None:
        """Check the host's name. Raises InvalidLabelError."""
        self._settings = settings
        self._places = places
        self._files = files
        self._clock = clock
        self.name = check_host(settings.name or socket.gethostname())
        self._joined: Identity | None = None

    def find_identity(self, machine: Machine) -> Identity | None:
        """Return the identity that an earlier run left for this machine, name and server; None when there is none."""
        known = self._files.load()
        if known is None:
            return None
        server = self._settings.server or (known.server if known.has_joined else _OWN)
        wanted = (server, machine.machine_id, self.name)
        if (known.server, known.machine_id, known.asked_name) != wanted:
            return None
        self._joined = known if known.has_joined else None
        return known

    def find_target(self, token: str) -> Target:
        """Return where the server is now, to be spoken to with ``token``. Raises ConnectFailedError."""
        if self._settings.server:
            return Target(self._settings.server, token, pin=self._settings.server_pin)
        if self._joined is not None:
            authority = self._files.authority
            return Target(self._joined.server, token, authority if authority.exists() else None, self._joined.pin)
        note = read_server_note(self._places)
        return Target(note.url, token, Path(note.ca) if note.ca else None, self._settings.server_pin or note.pin)

    def is_current(self, identity: Identity, machine: Machine) -> bool:
        """Tell whether the server was told what we would tell it now: interval, version, facts, labels, key."""
        return identity.presented == _digest(self._request(machine))

    async def register(self, machine: Machine, *, deadline_seconds: float) -> Identity:
        """Register this machine and keep what comes of it. Raises like every call, and ConfigError without a token."""
        join = self._join_token()
        if join is not None:
            target = Target(join.url, join.secret, pin=join.pin)
        else:
            # Where first, with what second: while no server runs there is no token either, and that is no fault.
            target = replace(self.find_target(""), token=self._joining_token())
        request = self._request(machine)
        async with Client(target, deadline_seconds=deadline_seconds, clock=self._clock, is_lean=True) as client:
            reply = await client.register(request)
        pin, authority = "", ""
        if join is not None:
            pin, authority = await self._settle(join, reply, deadline_seconds)
        server = join.url if join else self._settings.server or _OWN
        identity = Identity(
            server,
            machine.machine_id,
            self.name,
            reply.id,
            reply.name,
            reply.token,
            _digest(request),
            has_joined=join is not None,
            pin=pin,
            capabilities=reply.capabilities,
            enrolment=reply.enrolment,
        )
        if join is not None:
            self._files.save_authority(authority)
            self._joined = identity
        self._files.save(identity)
        log.info(
            "agent_registered host=%s id=%s server=%s enrolment=%s",
            identity.name,
            identity.host_id,
            target.url,
            reply.enrolment,
        )
        return identity

    async def _settle(self, join: JoinToken, reply: RegisterReply, deadline_seconds: float) -> tuple[str, str]:
        """Return whom to trust from now on, (pin, authority): what the reply offers if it proves itself, else the pin.

        A certificate that does not hold the name that was joined by would shut this host out at its next call.
        """
        if not join.url.startswith("https:") or not (reply.ca or reply.trust == "system"):
            return join.pin, ""
        cause = await why_unproven(join.url, reply.ca, join.pin, deadline_seconds=deadline_seconds)
        if cause:
            log.warning("server_pinned url=%s: %s; a new key of the server needs a new join token", join.url, cause)
            return join.pin, ""
        log.info("server_trusted url=%s by=%s", join.url, "authority" if reply.ca else "system")
        return "", reply.ca

    def learn(self, identity: Identity, standing: Standing) -> Identity:
        """Keep how far the host has come and what it may, as the server tells it now; return the identity with that."""
        # The updater learns too: what was read before the token was renewed must not bring the old one back.
        identity = self._files.load() or identity
        if (identity.enrolment, identity.capabilities) == (standing.enrolment, standing.capabilities):
            return identity
        learned = replace(identity, enrolment=standing.enrolment, capabilities=standing.capabilities)
        self._files.save(learned)
        log.info("host_standing enrolment=%s may=%s", learned.enrolment, ",".join(learned.capabilities))
        return learned

    async def renew(self, client: Client, identity: Identity, key: SigningKey) -> Identity:
        """Fetch a new token and keep it, durably, beside the present one. Raises like every call, and StorageError."""
        renewal = encode(TokenRenewal(hashlib.sha256(identity.token.encode()).hexdigest()))
        reply = await client.renew_token(renewal, key.sign(signed_bytes(RENEW_PATH, "identity", renewal)))
        if identity.has_joined and reply.ca:
            self._files.renew_authority(reply.ca)
        renewed = replace(self._files.load() or identity, token=reply.token, previous=identity.token)
        self._files.save(renewed)
        log.info("host_token_renewed host=%s", identity.name)
        return renewed

    def settle(self, identity: Identity, *, is_taken: bool) -> Identity:
        """Keep one of two tokens: the new one when the server has taken it, the one before it when it has not."""
        token = identity.token if is_taken else identity.previous
        settled = replace(self._files.load() or identity, token=token, previous="")
        # A disk that does not take it has both tried again after a restart.
        with contextlib.suppress(OSError):
            self._files.save(settled)
        if not is_taken:
            log.warning("host_token_not_taken host=%s: the one before it is used again", identity.name)
        return settled

    def _join_token(self) -> JoinToken | None:
        """Return the token to join with, None when the settings name the server or there is none."""
        path = self._settings.join_token_file
        if path is None or self._settings.server:
            return None
        return read_join_token(path)

    def _request(self, machine: Machine) -> RegisterRequest:
        return RegisterRequest(
            name=self.name,
            machine_id=machine.machine_id,
            version=__version__,
            interval_seconds=self._settings.interval_seconds,
            facts=dict(machine.facts),
            labels=dict(self._settings.labels),
            public_key=machine.key.public_key,
        )

    def _joining_token(self) -> str:
        settings = self._settings
        if settings.token_file is not None:
            return read_token(settings.token_file)
        if not settings.server:
            return read_token(self._places.token)
        token = local_token_for(settings.server, self._places)
        if not token:
            raise ConfigError(
                f"cannot register at {settings.server}: no token to register with",
                hint="put a token that may register hosts into a file and set agent.token_file",
            )
        return token


def _digest(request: RegisterRequest) -> str:
    return hashlib.sha256(encode(request)).hexdigest()
