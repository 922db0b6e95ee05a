"""Joins a server once and ends: what an installer does before it starts the service."""

from __future__ import annotations

import logging

from nagare.agent.enrolment import Enrolment, Machine
from nagare.agent.facts import read_facts
from nagare.agent.identity import Identity, IdentityFiles
from nagare.agent.join_token import read_join_token
from nagare.agent.spool_lock import own_spool
from nagare.client.client import Client
from nagare.collect.collector import Root
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError, UnauthenticatedError
from nagare.keys.files import make_private_directory
from nagare.lib.clock import Clock, SystemClock

log = logging.getLogger(__name__)
_DEADLINE_SECONDS = 20.0


async def join_server(settings: Settings) -> None:
    """Become a host of the server that the join token names; a host that it knows already stays what it is.

    Raises ConfigError without a token, LockedError while an agent runs that would have to become another host, and
    what registering may raise.
    """
    if settings.agent.join_token_file is None or settings.agent.server:
        raise ConfigError("cannot join: no join token is set", hint="set agent.join_token_file, and not agent.server")
    places, clock = Places(settings.data), SystemClock()
    make_private_directory(places.data)
    make_private_directory(places.spool)
    root = Root(proc=settings.agent.proc, sys=settings.agent.sys)
    files = IdentityFiles(places, root.etc)
    machine = Machine(files.machine_id(), files.load_key(), read_facts(root))
    enrolment = Enrolment(settings.agent, places, files, clock)
    known = enrolment.find_identity(machine)
    url = read_join_token(settings.agent.join_token_file).url
    if known is not None and known.server == url and await _is_known(enrolment, known, clock):
        log.info("agent_has_joined host=%s server=%s", known.name, url)
        return
    with own_spool(places):
        await enrolment.register(machine, deadline_seconds=_DEADLINE_SECONDS)


async def _is_known(enrolment: Enrolment, identity: Identity, clock: Clock) -> bool:
    target = enrolment.find_target(identity.token)
    async with Client(target, deadline_seconds=_DEADLINE_SECONDS, clock=clock, is_lean=True) as client:
        try:
            await client.standing()
        except UnauthenticatedError:
            return False
    return True
