"""Finds once what holds programs on this host, by running ``true`` in each layer as commands will run in it."""

from __future__ import annotations

import logging
import uuid

from nagare.agent.executor.cgroups import CgroupParents
from nagare.agent.executor.confinement import Hold, Layers, find_layers
from nagare.agent.executor.launching import Runnable, find_argv, launch_of, make_place, remove_place
from nagare.agent.executor.program import Program
from nagare.agent.executor.user import User
from nagare.agent.executor.worker import Worker
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.command.action import Action, Limits, Risk, Variant
from nagare.model.command.plan import plan_of

log = logging.getLogger(__name__)
_TRUE = Action("host.true", 1, "Do nothing", Risk.NONE, (Variant(("true",)),), limits=Limits(timeout_seconds=10))


async def probe(worker: Worker, parents: CgroupParents | None, user: User | None = None) -> Layers:
    """Return the layers in which a program of ``user`` (None: of this one) really runs here."""

    async def run_true(layers: Layers) -> str:
        return await _why_not(worker, Hold(layers, user, has_pids_limit=True))

    layers = await find_layers(parents, run_true)
    named = Hold(layers, user, has_pids_limit=False).name
    log.info("commands_held_by layers=%s user=%s", named, "own" if user is None else user.uid)
    return layers


async def _why_not(worker: Worker, hold: Hold) -> str:
    """Return why nothing runs so held, empty when something does."""
    name = str(uuid.uuid4())
    try:
        plan = plan_of(_TRUE, {})
        runnable = Runnable(_TRUE, plan, find_argv(_TRUE, plan), hold)
        place = await worker.do(make_place, name, _TRUE.limits, hold)
        try:
            async with Program(launch_of(name, runnable, place)) as program:
                ending = await program.wait()
                cause = "" if ending.exit_code == 0 else (await program.stderr.read(2048)).decode(errors="replace")
                cause = cause or ("" if ending.exit_code == 0 else f"status {ending.exit_code}")
        finally:
            await worker.do(remove_place, place)
    except NagareError as error:
        cause = error.message
    if cause:
        log.info("commands_not_held_by layers=%s reason=%s", hold.name, plain(cause.strip(), 200))
    return cause
