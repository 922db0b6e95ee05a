"""The problem document of RFC 9457 with our fields: the one shape of an error over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """``type`` is a docs slug, ``instance`` the request id, ``code`` stable, ``hint`` the way out, ``errors`` pointers."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    code: str = ""
    hint: str = ""
    errors: list[dict[str, Any]] = []
