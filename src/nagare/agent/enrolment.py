"""Finds the server and becomes a host of it: registers once with a token that may, then holds a host's own token.

Without configuration the server is the one of this installation, looked up anew each time, because it may start later
or come back on another port.
"""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nagare import __version__
from nagare.agent.identity import Identity, IdentityFiles
from nagare.agent.join_token import JoinToken, read_join_token
from nagare.client.client import RENEW_PATH, STANDING_PATH, Client
from nagare.client.target import Target, local_token_for, read_server_note, read_token
from nagare.config.places import Places
from nagare.config.settings import AgentSettings
from nagare.errors import (
    ConfigError,
    ConnectFailedError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    StorageError,
    UnauthenticatedError,
)
from nagare.keys.command_keys import accept_keys
from nagare.keys.signing import SigningKey
from nagare.lib.clock import Clock
from nagare.lib.names import check_host
from nagare.lib.plain_text import plain
from nagare.net.proof import why_unproven
from nagare.net.trust import parse_pin
from nagare.wire.codec import encode
from nagare.wire.commands import SignedCommandKeys
from nagare.wire.hosts import HostPresentation, RegisterReply, RegisterRequest, Standing, TokenRenewal
from nagare.wire.signature import signed_bytes

log = logging.getLogger(__name__)

# The identity's ``server`` when it is the one of this installation, whose port may change.
_OWN = "own"
# The present key's and those that the server may name after it, and room for more of a later one.
_PINS_LIMIT = 8


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
            ca_file, pins = authority if authority.exists() else None, tuple(self._joined.next_pins)
            return Target(self._joined.server, token, ca_file, self._joined.pin, next_pins=pins)
        note = read_server_note(self._places)
        return Target(note.url, token, Path(note.ca) if note.ca else None, self._settings.server_pin or note.pin)

    def is_current(self, identity: Identity, machine: Machine) -> bool:
        """Tell whether the server was told what we would tell it now: interval, version, facts, labels, key."""
        return identity.presented == _digest(self._request(machine))

    async def register(self, machine: Machine, *, deadline_seconds: float) -> Identity:
        """Register this machine and keep what comes of it. Raises like every call, and ConfigError without a token."""
        join = self._join_token()
        if self._joined is not None and (join is None or join.url == self._joined.server):
            try:
                return await self._present_anew(self._joined, machine, deadline_seconds)
            except (UnauthenticatedError, PermissionDeniedError, NotFoundError, InputError, ConnectFailedError):
                # A token to join with, if there is one, may let it in again, or know a newer key of the server.
                if join is None:
                    raise
        # Where first, with what second: while no server runs there is no token either, and that is no fault.
        targets = self._ways(join) if join else [replace(self.find_target(""), token=self._joining_token())]
        request = self._request(machine)
        target, reply = await self._present(targets, request, deadline_seconds)
        pins, authority = list[str](), ""
        if join is not None:
            pins, authority = await self._settle(target, reply, deadline_seconds)
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
            pin=pins[0] if pins else "",
            next_pins=pins[1:],
            joined_pin=join.pin if join else "",
            capabilities=reply.capabilities,
            enrolment=reply.enrolment,
            command_keys=self._first_keys(server, reply, has_joined=join is not None),
        )
        if join is not None:
            self._files.save_authority(authority)
            self._joined = identity
        self._remember(identity)
        log.info(
            "agent_registered host=%s id=%s server=%s enrolment=%s",
            identity.name,
            identity.host_id,
            target.url,
            reply.enrolment,
        )
        return identity

    async def _present_anew(self, identity: Identity, machine: Machine, deadline_seconds: float) -> Identity:
        """Tell the server that this host joined what it is by now, with the host's own token."""
        request = self._request(machine)
        told = encode(HostPresentation(request.version, request.interval_seconds, request.facts, request.labels))
        signature = machine.key.sign(signed_bytes(STANDING_PATH, "identity", told))
        target = self.find_target(identity.token)
        async with Client(target, deadline_seconds=deadline_seconds, clock=self._clock, is_lean=True) as client:
            standing = await client.present(told, signature)
        presented = replace(self.learn(identity, standing), presented=_digest(request))
        self._remember(presented)
        self._joined = presented
        log.info("agent_presented host=%s server=%s version=%s", presented.name, target.url, request.version)
        return presented

    def _ways(self, join: JoinToken) -> list[Target]:
        """Return by what the server that ``join`` names is believed, the best first.

        The pin in the token is of the key of that time. Where a registration by the same token led to other pins, they stand
        in for it: the old key may be out. Where it led to an authority, that goes first.
        """
        by_token, known = Target(join.url, join.secret, pin=join.pin), self._files.load()
        if not join.pin or known is None or not known.has_joined or known.server != join.url:
            return [by_token]
        if (known.joined_pin or known.pin) != join.pin:
            return [by_token]
        if known.pin:
            return [replace(by_token, pin=known.pin, next_pins=tuple(known.next_pins))]
        authority = self._files.authority
        return [replace(by_token, pin="", ca_file=authority if authority.exists() else None), by_token]

    async def _present(
        self, targets: list[Target], request: RegisterRequest, deadline_seconds: float
    ) -> tuple[Target, RegisterReply]:
        """Register with the first of ``targets`` that proves itself, and return it too."""
        target, *others = targets
        try:
            async with Client(target, deadline_seconds=deadline_seconds, clock=self._clock, is_lean=True) as client:
                return target, await client.register(request)
        except ConnectFailedError:
            if not others:
                raise
        return await self._present(others, request, deadline_seconds)

    async def _settle(self, target: Target, reply: RegisterReply, deadline_seconds: float) -> tuple[list[str], str]:
        """Return whom to trust from now on, (pins, authority): what the reply offers if it proves itself, else as now.

        A certificate that does not hold the name that was joined by would shut this host out at its next call.
        """
        pins = [target.pin, *target.next_pins] if target.pin else []
        known = target.ca_file.read_text(encoding="ascii") if target.ca_file else ""
        if not target.url.startswith("https:") or not (reply.ca or reply.trust == "system"):
            return pins, known
        cause = await why_unproven(target.url, reply.ca, pins, deadline_seconds=deadline_seconds)
        if cause:
            if pins:
                log.warning("server_pinned url=%s: %s; a new key of it must be announced", target.url, cause)
            return pins, known
        log.info("server_trusted url=%s by=%s", target.url, "authority" if reply.ca else "system")
        return [], reply.ca

    def learn(self, identity: Identity, standing: Standing) -> Identity:
        """Keep how far the host has come and what it may, as the server tells it now; return the identity with that."""
        # The updater learns too: what was read before the token was renewed must not bring the old one back.
        identity = self._files.load() or identity
        learned = _with_pins(identity, standing.pins)
        if learned != identity:
            log.info("server_pins_learned pin=%s next=%s", learned.pin, ",".join(learned.next_pins) or "none")
        learned = _with_command_keys(learned, standing)
        if (identity.enrolment, identity.capabilities) != (standing.enrolment, standing.capabilities):
            learned = replace(learned, enrolment=standing.enrolment, capabilities=standing.capabilities)
            log.info("host_standing enrolment=%s may=%s", learned.enrolment, ",".join(learned.capabilities))
        if learned != identity:
            self._remember(learned)
        if learned.has_joined:
            self._joined = learned
        return learned

    def learn_keys(self, offered: SignedCommandKeys) -> None:
        """Trust the server's keys of commands that those have signed which are held; nothing before the first."""
        identity = self._files.load()
        if identity is None or not identity.command_keys:
            return
        held = _accepted(identity.command_keys, offered)
        if held != identity.command_keys:
            self._remember(replace(identity, command_keys=held))

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
        self._remember(settled)
        if not is_taken:
            log.warning("host_token_not_taken host=%s: the one before it is used again", identity.name)
        return settled

    def _remember(self, identity: Identity) -> None:
        """Keep ``identity``; a disk that does not take it must not silence the host, which learns it anew after a restart."""
        try:
            self._files.save(identity)
        except StorageError as error:
            log.warning("identity_not_kept reason=%s", plain(error.message, 300))

    def _first_keys(self, server: str, reply: RegisterReply, *, has_joined: bool) -> str:
        """Return the keys of commands to trust after a registration.

        Who joins by a token, or has the server on this very machine, trusts it anew; else those that are held count on, so
        that a server which merely refuses a token cannot have its keys trusted instead.
        """
        known = self._files.load()
        is_anew = has_joined or server == _OWN or known is None or known.server != server
        held = "" if known is None or is_anew else known.command_keys
        return _accepted(held, reply.command_keys)

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


def rejoin_hint(name: str) -> str:
    """Return what an operator can do for a host whose token is refused."""
    return f"on the server: nagare tokens mint, and run its line here; before that nagare hosts accept {name}, if it was revoked"


def _with_pins(identity: Identity, told: list[str]) -> Identity:
    """Return ``identity`` with the pins that its server told: only where a pin had proven who told them."""
    if not identity.pin or not told:
        return identity
    try:
        pins = [parse_pin(pin) for pin in told[:_PINS_LIMIT]]
    except ConfigError as error:
        log.warning("server_pins_refused: %s", error.message)
        return identity
    return replace(identity, pin=pins[0], next_pins=pins[1:], joined_pin=identity.joined_pin or identity.pin)


def _with_command_keys(identity: Identity, standing: Standing) -> Identity:
    """Return ``identity`` with the server's keys of commands: the first that it tells, later what those have signed."""
    held = _accepted(identity.command_keys, standing.command_keys)
    return identity if held == identity.command_keys else replace(identity, command_keys=held)


def _accepted(held: str, offered: SignedCommandKeys | None) -> str:
    if offered is None or offered.text == held:
        return held
    try:
        accepted = accept_keys(held, offered)
    except InputError as error:
        log.warning("command_keys_refused: %s", plain(error.message, 300))
        return held
    log.info("command_keys_learned first=%s", "no" if held else "yes")
    return accepted


def _digest(request: RegisterRequest) -> str:
    return hashlib.sha256(encode(request)).hexdigest()
