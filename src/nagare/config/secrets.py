"""Secrets that stand outside of the configuration: in a file of their own, or in a variable of the environment. Blocking."""

from __future__ import annotations

from pathlib import Path

from nagare.config.surroundings import variable
from nagare.errors import ConfigError

_LIMIT_BYTES = 4096


def read_secret(file: str, name: str = "") -> str:
    """Return the one line in ``file``, else what the variable ``name`` holds. Raises ConfigError, which never tells the secret."""
    place = f"secret file {file}" if file else f"secret variable {name}"
    try:
        secret = _first_bytes(Path(file)).decode().strip() if file else variable(name).strip()
    except OSError as error:
        raise ConfigError(f"cannot read {place}: {(error.strerror or 'unreadable').lower()}") from error
    except UnicodeDecodeError:
        # Without its cause, which holds what was read.
        raise ConfigError(f"cannot read {place}: not UTF-8") from None
    if not secret or len(secret) > _LIMIT_BYTES or not secret.isprintable():
        raise ConfigError(f"cannot read {place}: it must hold one line of text")
    return secret


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LIMIT_BYTES + 1)
