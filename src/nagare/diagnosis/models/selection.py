"""Which provider is asked: each is loaded only where it is configured."""

from __future__ import annotations

import importlib.util

from nagare.diagnosis.models.connection import Connection
from nagare.diagnosis.models.openai.provider import OpenAiProvider
from nagare.diagnosis.models.provider import ModelProvider
from nagare.errors import ConfigError
from nagare.lib.clock import Clock


def make_provider(name: str, connection: Connection, *, clock: Clock | None = None) -> ModelProvider:
    """Return the provider of that name, not yet open. Blocking: Google's client takes a second to load. Raises ConfigError."""
    if name == "openai":
        return OpenAiProvider(connection, clock=clock)
    if importlib.util.find_spec("google") is None or importlib.util.find_spec("google.genai") is None:
        raise ConfigError(
            "cannot use provider gemini: google-genai is not installed", hint="pip install 'nagare[gemini]'"
        )
    from nagare.diagnosis.models.gemini.provider import GeminiProvider  # noqa: PLC0415

    return GeminiProvider(connection, clock=clock)
