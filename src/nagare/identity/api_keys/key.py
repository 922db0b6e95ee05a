"""A personal key as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.model.principal import Permission


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; it allows what stands here and its owner still may. Times are Unix milliseconds."""

    id: str
    digest: str
    user_id: str
    name: str
    permissions: frozenset[Permission]
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None
