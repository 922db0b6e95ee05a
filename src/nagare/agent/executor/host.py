"""Who this host is to the executor: read from the identity that its enrolment keeps, for each command anew."""

from __future__ import annotations

import logging

from nagare.agent.executor.verify import Standing
from nagare.agent.identity import IdentityFiles
from nagare.errors import InputError
from nagare.keys.command_keys import keys_number, trusted_keys

log = logging.getLogger(__name__)


def read_standing(files: IdentityFiles) -> Standing | None:
    """Return what this host is and may at its server, None before it is registered. Blocking."""
    identity = files.load()
    if identity is None:
        return None
    try:
        keys, number = tuple(trusted_keys(identity.command_keys)), keys_number(identity.command_keys)
    except InputError as error:
        # Damage is not a first time: nothing is trusted until the host joins again.
        log.warning("command_keys_damaged reason=%s", error.message)
        keys, number = (), 0
    return Standing(identity.host_id, identity.may_run_commands, keys, number)
