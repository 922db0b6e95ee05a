"""One login at a host: shows its key to who checks it, and asks a person for what no key answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import asyncssh

from nagare.lib.plain_text import plain
from nagare.ssh.asking import Asker, Challenge, Prompt
from nagare.ssh.host_keys import Known
from nagare.ssh.patience import Patience

# As OpenSSH: a wrong password may be typed again twice.
_PASSWORD_TRIES = 3
_PROMPT_LIMIT, _TEXT_LIMIT, _PROMPTS_LIMIT, _USER_LIMIT = 120, 500, 8, 100


class Login(asyncssh.SSHClient):
    """The library's callbacks for one connection."""

    def __init__(self, host: str, known: Known, asker: Asker, patience: Patience, reached: Callable[[], None]) -> None:
        """Keep who is asked, and for which host; ``reached`` is told when something answers there."""
        self._host = host
        self._known = known
        self._asker = asker
        self._patience = patience
        self._reached = reached
        self._passwords = 0
        self._user = ""

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:  # noqa: ARG002  the library's signature
        """Note that there is a connection, before anything is said on it."""
        self._reached()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002  the library's signature
        """Note the key that is not known; it is asked about between two connections, for this cannot wait."""
        self._known.shown = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002  the library's signature
        """Refuse certificates of authorities that nobody named."""
        return False

    def begin_auth(self, username: str) -> None:
        """Note who logs in."""
        self._user = username

    async def password_auth_requested(self) -> str | None:
        """Ask for the password, three times at most."""
        self._passwords += 1
        if self._passwords > _PASSWORD_TRIES:
            return None
        again = "wrong, try again" if self._passwords > 1 else ""
        answers = await self._ask("Password", again, [Prompt(f"Password of {self._user} at {self._host}")])
        return answers[0] if answers else None

    def kbdint_auth_requested(self) -> str | None:
        """Let the host ask its own questions: one-time passwords and their like."""
        return ""

    async def kbdint_challenge_received(
        self,
        name: str,
        instructions: str,
        lang: str,  # noqa: ARG002  the library's signature
        prompts: Sequence[tuple[str, bool]],
    ) -> Sequence[str] | None:
        """Ask what the host asks; its words are foreign text, and marked as the host's."""
        if not prompts:
            return []
        # As OpenSSH: each line says who asks, so that a host cannot ask for what only this end may know.
        by = f"({plain(self._user, _USER_LIMIT)}@{self._host})"
        told = [Prompt(f"{by} {plain(text, _PROMPT_LIMIT)}", not shown) for text, shown in prompts[:_PROMPTS_LIMIT]]
        words = [plain(name, _PROMPT_LIMIT), plain(instructions, _TEXT_LIMIT)]
        return await self._ask(f"host {self._host} asks", ": ".join(filter(None, words)), told)

    async def passphrase(self, filename: str) -> str | None:
        """Ask for what opens a key file."""
        answers = await self._ask(
            "Passphrase of your own key", "", [Prompt(f"Passphrase of {plain(filename, _PROMPT_LIMIT)}")]
        )
        return answers[0] if answers else None

    async def _ask(self, title: str, text: str, prompts: Sequence[Prompt]) -> Sequence[str] | None:
        with self._patience.paused():
            return await self._asker.answers(Challenge(self._host, title, text, prompts))
