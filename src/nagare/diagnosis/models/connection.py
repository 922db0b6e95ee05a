"""What a provider is reached by: the model, the address, the key and whom to believe. The key is never kept here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from nagare.config.diagnosis import DiagnosisSettings
from nagare.config.secrets import read_secret
from nagare.net.trust import Trust

# Thousands of times what an answer of our own bound of tokens has, framing included; a longer one never ends.
ANSWER_LIMIT_BYTES = 16 * 2**20
GEMINI_ENDPOINT = "https://generativelanguage.googleapis.com"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a model is; ``secret_file`` and ``secret_variable`` tell where its key is, both empty for one that needs none."""

    model: str
    endpoint: str
    secret_file: str = ""
    secret_variable: str = ""
    trust: Trust = field(default_factory=Trust)
    limit_bytes: int = ANSWER_LIMIT_BYTES

    async def secret(self) -> str:
        """Return the key, read anew, empty where none is needed. Raises ConfigError, which never tells it."""
        if not self.secret_file and not self.secret_variable:
            return ""
        return await asyncio.to_thread(read_secret, self.secret_file, self.secret_variable)


def connection_of(settings: DiagnosisSettings) -> Connection:
    """Return what ``[diagnosis]`` says."""
    own = GEMINI_ENDPOINT if settings.provider == "gemini" else ""
    return Connection(
        model=settings.model,
        endpoint=settings.endpoint or own,
        secret_file=str(settings.secret_file or ""),
        secret_variable=settings.secret_variable,
        trust=Trust(ca_file=settings.ca_file),
    )
