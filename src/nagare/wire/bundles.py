"""The agent's file as others read about it: the manifest inside."""

from __future__ import annotations

import msgspec


class AgentManifest(msgspec.Struct, frozen=True):
    """``manifest.json`` in an agent's file: for which machines it is, and the SHA-256 of each member in hex.

    ``glibc`` is the oldest C library that works, ``origin`` where the libraries came from.
    """

    version: str
    arch: str
    pythons: list[str]
    glibc: list[int]
    origin: str
    files: dict[str, str]
