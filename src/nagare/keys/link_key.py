"""The key that signs links in notifications: 32 random bytes, which leave their file for nobody."""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path

from nagare.errors import ConfigError
from nagare.keys.files import make_private_directory, write_private

_BYTES = 32


def load_or_make_link_key(path: Path) -> bytes:
    """Return the key in ``path``, made there (0600, its folder 0700) when there is none. Raises ConfigError. Blocking."""
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except FileNotFoundError:
        key = secrets.token_bytes(_BYTES)
        make_private_directory(path.parent)
        write_private(path, base64.b64encode(key) + b"\n")
    except binascii.Error:
        key = b""
    if len(key) != _BYTES:
        raise ConfigError(
            f"cannot read key of links {path}: not base64 of {_BYTES} bytes",
            hint="restore the file, or remove it: links that were sent are worth nothing then",
        )
    return key
