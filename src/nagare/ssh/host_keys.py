"""Whether a host is the one it says: its key against known_hosts files and the authority of the fleet.

A key that is known is taken; one of a host that nobody knows is asked about; another one than is known is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from nagare.errors import ConfigError, HostKeyError, StorageError
from nagare.ssh.asking import NewKey

# More is no list of hosts that a person keeps.
_FILE_LIMIT_BYTES = 16 * 2**20
_NO_ADDRESS = "0.0.0.0"  # noqa: S104  nothing listens on it


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """What is known of host keys: files in OpenSSH's format, the first one takes new keys, and an authority's keys."""

    files: Sequence[Path]
    authority: Path | None = None
    # What the machine knows for all its people: read, never written.
    common: Sequence[Path] = (Path("/etc/ssh/ssh_known_hosts"),)

    def of(self, host: str, port: int) -> Known:
        """Return what is known of one host; blocking, and small. Raises ConfigError for files that cannot be read."""
        keys: list[asyncssh.SSHKey] = []
        revoked: list[asyncssh.SSHKey] = []
        authorities = list(_authorities(self.authority))
        # A port is made part of the name here: given one, the library would also take keys of port 22 for it.
        name = _place(host, port)
        for path in (*self.files, *self.common):
            # With an address that no host has: without one the library would look the name up, and hold the loop for it.
            found = _load(path).match(name, _NO_ADDRESS, None)
            keys.extend(found[0])
            authorities.extend(found[1])
            revoked.extend(found[2])
        return Known(host, port, keys, authorities, revoked)

    def remember(self, host: str, port: int, key: asyncssh.SSHKey) -> None:
        """Write the key of a host to the first file. Raises StorageError."""
        line = f"{_place(host, port)} ".encode() + key.export_public_key("openssh").split(b"\n")[0] + b"\n"
        path = self.files[0]
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                os.write(descriptor, (b"\n" if is_cut else b"") + line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(f"cannot keep the key of host {host}: {path}: {error.strerror}") from error


@dataclass(slots=True)
class Known:
    """What is known of one host before it is asked, and the key that it then showed."""

    host: str
    port: int
    keys: Sequence[asyncssh.SSHKey]
    authorities: Sequence[asyncssh.SSHKey]
    revoked: Sequence[asyncssh.SSHKey]
    # What a person said yes to, for this connection.
    accepted: list[asyncssh.SSHKey] = field(default_factory=list)
    shown: asyncssh.SSHKey | None = None

    @property
    def lists(self) -> tuple[Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey], Sequence[asyncssh.SSHKey]]:
        """Keys that are trusted, authorities, and what is revoked, as the library takes them."""
        return [*self.keys, *self.accepted], list(self.authorities), list(self.revoked)

    @property
    def is_new(self) -> bool:
        """Whether nothing at all is known of the host."""
        return not self.keys and not self.authorities and not self.accepted

    def new_key(self) -> NewKey | None:
        """Return the shown key of a host that is new, None when there is none to ask about."""
        if self.shown is None or not self.is_new:
            return None
        return NewKey(self.host, _name(self.shown), self.shown.get_fingerprint())

    def refusal(self, files: Sequence[Path]) -> HostKeyError:
        """Return why the host is refused: both fingerprints, and the way out."""
        shown = "another kind of key" if self.shown is None else f"{_name(self.shown)} {self.shown.get_fingerprint()}"
        if not self.keys:
            known = ", ".join(key.get_fingerprint() for key in self.authorities) or "nothing"
            return HostKeyError(
                f"cannot trust host {self.host}: it shows {shown}, no certificate of the authority {known}",
                hint="have its host key signed again, or ask whoever looks after the host",
            )
        known = ", ".join(f"{_name(key)} {key.get_fingerprint()}" for key in self.keys[:4])
        place = self.host if self.port == 22 else f"'[{self.host}]:{self.port}'"
        return HostKeyError(
            f"cannot trust host {self.host}: its key changed; known is {known}, shown was {shown}",
            hint="somebody may be in between. If the host was made anew, compare the fingerprint on the host "
            f"(ssh-keygen -lf), then: ssh-keygen -R {place} -f {files[0]}",
        )


def _place(host: str, port: int) -> str:
    return host if port == 22 else f"[{host}]:{port}"


def _name(key: asyncssh.SSHKey) -> str:
    return key.get_algorithm()


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_FILE_LIMIT_BYTES).decode("utf-8", "replace")


def _load(path: Path) -> asyncssh.SSHKnownHosts:
    try:
        return asyncssh.import_known_hosts(_read(path))
    except FileNotFoundError:
        return asyncssh.SSHKnownHosts()
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read known hosts {path}: {error}") from error


def _authorities(path: Path | None) -> Sequence[asyncssh.SSHKey]:
    if path is None:
        return ()
    try:
        lines = [line.strip() for line in _read(path).splitlines()]
        # The form of known_hosts is taken too: what stands before the key's kind is left out.
        return [asyncssh.import_public_key(_bare(line)) for line in lines if line and not line.startswith("#")]
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigError(
            f"cannot read ssh.host_authority_file {path}: {error}",
            hint="public keys, a line each, as ssh-keygen writes them",
        ) from error


def _bare(line: str) -> str:
    words = line.split()
    return " ".join(words[2:]) if words[0] == "@cert-authority" else line
