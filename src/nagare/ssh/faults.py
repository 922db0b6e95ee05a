"""Translates what the SSH library raises into the tree of ``errors.py``: once, here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh

from nagare.errors import ConfigError, ConnectFailedError, NagareError, UnauthenticatedError
from nagare.lib.plain_text import plain
from nagare.net.causes import os_cause

_CAUSE_LIMIT = 200


def translated(error: Exception, host: str) -> NagareError:
    """Return what ``error`` means to somebody who wanted a shell on ``host``."""
    cause = plain(str(error), _CAUSE_LIMIT)
    match error:
        case asyncssh.PermissionDenied():
            return UnauthenticatedError(
                f"cannot log in to host {host}: {cause}",
                hint="check the user, and that your key or certificate is known there; ssh-add -l lists the agent's keys",
            )
        case asyncssh.KeyExchangeFailed():
            return ConnectFailedError(f"cannot agree with host {host} on how to encrypt: {cause}")
        case asyncssh.ConnectionLost():
            return ConnectFailedError(f"cannot go on with host {host}: the connection was lost ({cause})")
        # What the library raises for keys and their passphrases are kinds of ValueError, or a plain TypeError.
        case ValueError() | TypeError():
            return ConfigError(
                f"cannot use the keys or the configuration of SSH for host {host}: {cause}",
                hint="a key with a passphrase needs its public part beside it: ssh-keygen -y -f KEY > KEY.pub",
            )
        case OSError():
            return ConnectFailedError(
                f"cannot reach host {host}: {os_cause(error)}",
                hint="labels ssh_address and ssh_port of a host say where its SSH is",
            )
        case _:
            return ConnectFailedError(f"cannot open a shell on host {host}: {cause}")


@contextmanager
def translating(host: str) -> Iterator[None]:
    """Raise what the library raises as our own."""
    try:
        yield
    except (asyncssh.Error, ValueError, TypeError, OSError) as error:
        raise translated(error, host) from error
