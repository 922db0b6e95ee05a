"""What the server signs: one envelope for each command when its host's turn comes, and the keys that hosts trust.

Values of secrets live here alone, in memory; an envelope holds salted digests of them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

from nagare.commands.rules import deadline_of
from nagare.keys.command_keys import secret_digest, sign_envelope
from nagare.keys.command_lists import CommandKeyring
from nagare.model.command.job import Command, Job
from nagare.wire.commands import (
    COMMANDS_VERSION,
    CommandEnvelope,
    Dispatch,
    Secret,
    SignedCommandKeys,
    envelope_text,
    read_envelope,
)

_NONCE_BYTES = _SALT_BYTES = 16


class Vault:
    """Secret values of jobs, from the request until no host can need them any more; never written anywhere."""

    def __init__(self) -> None:
        """Begin with none."""
        self._values: dict[str, Mapping[str, str]] = {}
        # By command: the same salt for every copy of one envelope, which holds the digest.
        self._salted: dict[str, dict[str, Secret]] = {}

    def keep(self, job_id: str, values: Mapping[str, str]) -> None:
        """Keep the values of a job."""
        if values:
            self._values[job_id] = dict(values)

    def has(self, job: Job) -> bool:
        """Tell whether every secret of ``job`` is here."""
        return set(job.secrets) <= self._values.get(job.id, {}).keys()

    def salted(self, job: Job, command_id: str) -> dict[str, Secret]:
        """Return the secrets of one command, salted; the same ones each time."""
        if not job.secrets:
            return {}
        if command_id not in self._salted:
            values = self._values[job.id]
            self._salted[command_id] = {
                name: Secret(secrets.token_hex(_SALT_BYTES), values[name]) for name in job.secrets
            }
        return self._salted[command_id]

    def knows(self, job: Job, command_id: str) -> bool:
        """Tell whether a command that was signed can be sent again as it was."""
        return not job.secrets or command_id in self._salted

    def forget(self, job_id: str, command_ids: Iterable[str]) -> None:
        """Forget a job's values."""
        self._values.pop(job_id, None)
        for command_id in command_ids:
            self._salted.pop(command_id, None)

    def forget_values(self, job_id: str) -> None:
        """Forget a job's values, each of whose commands was signed; what was salted for those stays."""
        self._values.pop(job_id, None)

    def forget_command(self, command_id: str) -> None:
        """Forget what was salted for a command that its host has."""
        self._salted.pop(command_id, None)


class Signer:
    """Signs with the server's key of commands."""

    def __init__(self, keyring: CommandKeyring) -> None:
        """Sign with the key of ``keyring`` that signs; another one may take its place."""
        self.keyring = keyring

    @property
    def keys(self) -> SignedCommandKeys:
        """What hosts shall trust."""
        return self.keyring.offered

    def envelope(self, job: Job, command: Command, hidden: Mapping[str, Secret], now_ms: int) -> CommandEnvelope:
        """Return what is to be signed for ``command`` of an approved ``job``, issued now."""
        assert job.approval is not None
        return CommandEnvelope(
            v=COMMANDS_VERSION,
            id=command.id,
            host_id=command.host_id,
            action=job.action,
            action_sha256=job.action_sha256,
            arguments=dict(job.arguments),
            plan_sha256=job.plan_sha256,
            requester=job.requester.id,
            approver=job.approver.id,
            approval=job.approval,
            risk=job.risk,
            nonce=secrets.token_hex(_NONCE_BYTES),
            issued_ms=now_ms,
            expires_ms=job.expires_ms,
            deadline_ms=deadline_of(job, now_ms),
            secrets={name: secret_digest(secret) for name, secret in hidden.items()},
        )

    def text(self, envelope: CommandEnvelope) -> str:
        """Return the text that is kept and signed."""
        return envelope_text(envelope)

    def dispatch(self, text: str, hidden: Mapping[str, Secret]) -> Dispatch:
        """Return the frame for a kept envelope: the same each time, for as long as one key signs. Raises CommandRefusedError for a damaged one."""
        return sign_envelope(read_envelope(text), self.keyring.signing, hidden)
