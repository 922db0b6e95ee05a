"""Who this agent is: the machine, the host it registered as, its token and its key; kept 0600 in the spool directory.

The token is a host's: it can only ingest, and only as this host. It is never logged and never shown to another server
than the one that gave it.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from nagare.config.places import Places
from nagare.errors import ConfigError, InputError, StorageError
from nagare.keys.files import write_private
from nagare.keys.signing import SigningKey
from nagare.lib.der import public_key_of
from nagare.wire.codec import decode, encode

log = logging.getLogger(__name__)

# /etc/machine-id must not leave the machine in clear (machine-id(5)); the salt makes ours useless to others.
_SALT = b"nagare agent machine id 1\n"
_MACHINE_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """What a registration left; ``server`` is who gave it, ``presented`` the digest of what it was told of us."""

    server: str
    machine_id: str
    asked_name: str
    host_id: str
    name: str
    token: str = field(repr=False)
    presented: str = ""
    # Whether it joined by a token, which named the server: its configuration need not.
    has_joined: bool = False
    # SHA-256 of the server's public key, where no authority came with the reply.
    pin: str = ""
    # Of the keys that the server said it would change to, over a connection that a pin before had proven.
    next_pins: list[str] = field(default_factory=list)
    # The pin in the token that was joined by, once the one that counts may be another.
    joined_pin: str = ""
    # What the server lets this host do beside sending metrics.
    capabilities: list[str] = field(default_factory=lambda: ["metrics"])
    # How far it has come, as last told: pending or active.
    enrolment: str = "active"
    # The text of the server's keys of commands, empty before it told any.
    command_keys: str = ""
    # The token before this one, while it is not known that the server takes this one.
    previous: str = field(default="", repr=False)

    @property
    def may_update(self) -> bool:
        """Whether the agent may replace itself, whatever it is offered."""
        return self.enrolment == "active" and "update" in self.capabilities

    @property
    def may_run_commands(self) -> bool:
        """Whether the agent may run commands of the server, whatever is signed."""
        return self.enrolment == "active" and "commands" in self.capabilities


class IdentityFiles:
    """The files of the identity. Blocking, and small."""

    def __init__(self, places: Places, etc: Path) -> None:
        """Keep the places; nothing is read yet."""
        self._directory = places.spool
        self._etc = etc
        self._file = places.spool / "identity.json"

    def load(self) -> Identity | None:
        """Return the identity of the last registration, or None; damage counts as none."""
        try:
            return decode(self._file.read_bytes(), Identity)
        except (FileNotFoundError, InputError):
            return None

    def save(self, identity: Identity) -> None:
        """Keep ``identity``, durably. Raises StorageError."""
        _write(self._file, encode(identity))

    @property
    def authority(self) -> Path:
        """The authority of the server that this host joined."""
        return self._directory / "server-ca.pem"

    def save_authority(self, pem: str) -> None:
        """Keep the authority of the server, or that it has none. Raises StorageError."""
        if pem:
            _write(self.authority, pem.encode())
        else:
            self.authority.unlink(missing_ok=True)

    def renew_authority(self, pem: str) -> None:
        """Keep a newer certificate of the authority that is kept; one of another key is not taken."""
        try:
            known, renewed = self.authority.read_text(encoding="ascii"), pem.encode("ascii")
            if known != pem and _key_digest(known) == _key_digest(pem):
                write_private(self.authority, renewed)
                log.info("authority_renewed file=%s", self.authority)
        except FileNotFoundError:
            return
        except (ValueError, IndexError) as error:
            log.warning("authority_not_renewed reason=%s", type(error).__name__)

    def load_key(self) -> SigningKey:
        """Return the key that signs batches, made at the first call ever; a damaged one is set aside for a new one.

        A new key is a new registration, which the joining token must allow; batches wait on disk until it does.
        """
        path = self._directory / "agent.key"
        try:
            return SigningKey.load_or_make(path)
        except ConfigError as error:
            broken = path.with_name("agent.key.broken")
            log.warning("agent_key_replaced reason=%s set_aside=%s", error.message, broken)
            path.replace(broken)
            return SigningKey.load_or_make(path)

    def machine_id(self) -> str:
        """Return what names this machine and survives restarts: the system's id, salted, or a random one of ours."""
        own = self._read_machine_id(self._etc / "machine-id")
        if own:
            return hashlib.sha256(_SALT + own.encode()).hexdigest()[:_MACHINE_ID_DIGITS]
        kept = self._directory / "machine-id"
        known = self._read_machine_id(kept)
        if not known:
            known = uuid.uuid4().hex
            write_private(kept, known.encode())
        return known

    def is_new_boot(self, boot_id: str) -> bool:
        """Tell whether ``boot_id`` is not the one that was last told of."""
        return bool(boot_id) and self._read_text(self._directory / "told-boot") != boot_id

    def save_boot(self, boot_id: str) -> None:
        """Remember that ``boot_id`` was told of."""
        write_private(self._directory / "told-boot", boot_id.encode())

    def _read_machine_id(self, path: Path) -> str:
        text = self._read_text(path)
        # An image may ship with the word "uninitialized" (machine-id(5)).
        return text if len(text) == _MACHINE_ID_DIGITS and text.isalnum() else ""

    def _read_text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _key_digest(pem: str) -> bytes:
    der = ssl.PEM_cert_to_DER_cert(pem)
    # That reader passes over what is no base64: nothing but this one certificate may stand there.
    if ssl.DER_cert_to_PEM_cert(der).strip() != pem.strip():
        raise ValueError("not one certificate")
    return hashlib.sha256(public_key_of(der)).digest()
