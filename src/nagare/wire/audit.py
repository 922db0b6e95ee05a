"""The audit log over HTTP: entries as people read them, entries as they are hashed, and signed heads."""

from __future__ import annotations

from typing import Any

import msgspec


class AuditView(msgspec.Struct, frozen=True):
    """An entry; ``at_ms`` is Unix milliseconds. ``outcome``: done, refused, failed, unknown (a crash swallowed its end)."""

    seq: int
    at_ms: int
    action: str
    outcome: str
    actor: str
    actor_id: str = ""
    actor_kind: str = ""
    address: str = ""
    target: str = ""
    request_id: str = ""
    detail: str = ""
    count: int = 1
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    digest: str = ""


class AuditList(msgspec.Struct, frozen=True):
    """``GET /api/v1/audit``: entries, newest first."""

    entries: list[AuditView]


class AuditHead(msgspec.Struct, frozen=True):
    """The end of the chain, signed (Ed25519, base64) by ``public_key``: keep it elsewhere, and later compare."""

    seq: int
    digest: str
    at_ms: int
    public_key: str
    signature: str


class AuditLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of an export: an entry as it is hashed, or one of the signed heads."""

    seq: int = 0
    digest: str = ""
    line: str = ""
    head: AuditHead | None = None
