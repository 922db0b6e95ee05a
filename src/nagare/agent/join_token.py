"""A join token as an operator hands it out: the secret, the address of the server and the pin of its public key."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path

from nagare.client.target import read_token
from nagare.errors import ConfigError, InputError
from nagare.net.trust import check_address
from nagare.wire.codec import decode
from nagare.wire.joining import JoinAddress


@dataclass(frozen=True, slots=True)
class JoinToken:
    """A token that was read."""

    secret: str = field(repr=False)
    url: str
    pin: str


def read_join_token(path: Path) -> JoinToken:
    """Return the token in ``path``. Raises ConfigError for a file that others may read or that holds something else."""
    secret, point, address = read_token(path).partition(".")
    try:
        found = decode(base64.urlsafe_b64decode(address + "=" * (-len(address) % 4)), JoinAddress)
    except (binascii.Error, InputError, ValueError) as error:
        raise _no_token(path) from error
    if not point or not secret.startswith("ngj_"):
        raise _no_token(path)
    check_address(found.url, found.pin)
    return JoinToken(secret, found.url, found.pin)


def _no_token(path: Path) -> ConfigError:
    return ConfigError(
        f"cannot join with {path}: it holds no join token",
        hint="put the whole line into it that `nagare tokens mint` printed",
    )
