"""Writes the agent's file: a zip behind a ``#!`` line, whose equal contents give equal bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from nagare import __version__
from nagare.bundles import launcher
from nagare.bundles.contents import LIMIT_BYTES
from nagare.bundles.sources import Contents
from nagare.errors import LimitExceededError
from nagare.wire.bundles import AgentManifest
from nagare.wire.codec import encode

_FIRST_LINE = b"#!/usr/bin/env python3\n"
_MANIFEST = "manifest.json"
# The first moment that a zip can name: when it was built says nothing about what is in it.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o644 << 16
_LEVEL = 9


def file_name(arch: str) -> str:
    """Return the name of this version's file for Linux on ``arch``."""
    return f"nagare-agent-{__version__}-linux-{arch}.pyz"


def build_file(contents: Contents) -> bytes:
    """Return the file that holds ``contents``. Raises LimitExceededError when it is too large for one."""
    files = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(contents.members.items())}
    manifest = AgentManifest(
        __version__, contents.arch, list(contents.pythons), list(contents.glibc), contents.origin, files
    )
    written = io.BytesIO()
    written.write(_FIRST_LINE)
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        _add(archive, "__main__.py", Path(launcher.__file__).read_bytes())
        _add(archive, _MANIFEST, encode(manifest))
        for name in files:
            _add(archive, name, contents.members[name])
    content = written.getvalue()
    if len(content) > LIMIT_BYTES:
        raise LimitExceededError(
            f"cannot build an agent of {len(content)} bytes: {LIMIT_BYTES} at most",
            hint="build one for fewer Pythons (--python)",
        )
    return content


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.create_system = _UNIX
    entry.external_attr = _MODE
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
