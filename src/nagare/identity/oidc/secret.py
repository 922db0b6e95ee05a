"""The client's secret, read from its file whenever it is needed, so that a new one needs no restart."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nagare.errors import ConfigError

_LIMIT_BYTES = 4096


async def read_secret(path: Path) -> str:
    """Return the secret in ``path``. Raises ConfigError."""
    # Once a login: a thread for each costs nothing beside it.
    with ThreadPoolExecutor(1, thread_name_prefix="oidc-secret") as threads:
        return await asyncio.get_running_loop().run_in_executor(threads, _read, path)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            secret = file.read(_LIMIT_BYTES + 1).decode().strip()
    except OSError as error:
        raise ConfigError(f"cannot read client secret {path}: {(error.strerror or 'unreadable').lower()}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read client secret {path}: not UTF-8") from error
    if not secret or len(secret) > _LIMIT_BYTES or not secret.isprintable():
        raise ConfigError(f"cannot read client secret {path}: it must hold one line of text")
    return secret
