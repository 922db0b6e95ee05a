"""Groups of hosts over HTTP."""

from __future__ import annotations

import msgspec


class GroupView(msgspec.Struct, frozen=True):
    """A group, the hosts that are in it, and what it is."""

    name: str
    hosts: list[str]
    text: str = ""


class GroupList(msgspec.Struct, frozen=True):
    """``GET /api/v1/groups``: groups, by name."""

    groups: list[GroupView]
