"""How a setting is described: its default, bounds, unit and one sentence for people."""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import Any


def setting(  # noqa: PLR0913  a description, all by keyword
    default: Any,
    text: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    restart: bool = True,
) -> Any:
    """Describe one setting; ``restart`` tells whether a change needs a new process."""
    metadata = {"text": text, "unit": unit, "low": low, "high": high, "choices": choices, "restart": restart}
    if isinstance(default, dict):
        frozen = MappingProxyType(default)
        return field(default_factory=lambda: frozen, metadata=metadata)
    return field(default=default, metadata=metadata)
