"""Remote commands on this host: is its policy one that the agent will believe, does it name what there is, and what holds a program.

What holds is found as the agent finds it, by really running ``true`` so held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fnmatch import fnmatchcase

from nagare.agent.executor.cgroups import find_parents
from nagare.agent.executor.confinement import Hold, general_hold
from nagare.agent.executor.policy import Policy, load_policy
from nagare.agent.executor.probe import probe
from nagare.agent.executor.user import User
from nagare.agent.executor.worker import Worker
from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.actions.load import load_actions
from nagare.config.files import read_trusted_bytes
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import CommandRefusedError, ConfigError, PermissionDeniedError
from nagare.lib.nearest import did_you_mean
from nagare.model.command.result import Reason

_POLICY, _HOLD = "command policy", "command hold"


def check_policy(settings: Settings) -> Iterator[Check]:
    """Yield what is true of commands on this host; nothing where it never was to run any."""
    path = settings.commands.policy
    try:
        policy = load_policy(path)
    except CommandRefusedError as error:
        if error.reason != Reason.NO_POLICY:
            yield bad(_POLICY, error.message, error.hint or "correct the file: until then nothing runs")
        elif Places(settings.data).agent_commands.exists():
            yield warn(_POLICY, f"there is no {path}: this host runs no command", error.hint)
        return
    shell = "free-form programs too" if policy.allow_shell else "no free-form programs"
    yield ok(_POLICY, f"{path}: {len(policy.allow)} rules allow, {len(policy.deny)} deny; {shell}")
    yield from _check_names(settings, policy)
    user = User.find(policy.run_as) if policy.run_as else None
    if policy.run_as and user is None:
        yield bad(_POLICY, f"run_as = {policy.run_as!r} is no user of this host", "name one that is, or make it")
        return
    yield _check_hold(user)


def _check_names(settings: Settings, policy: Policy) -> Iterator[Check]:
    """Yield what rules speak of that does not exist: what is meant to be denied may be spelled otherwise."""
    try:
        actions = load_actions(settings.commands.actions, read_trusted_bytes)
    except (ConfigError, PermissionDeniedError) as error:
        yield bad("command actions", error.message, error.hint or "correct the file: until then nothing runs")
        return
    for key, rules in (("allow", policy.allow), ("deny", policy.deny)):
        for number, rule in enumerate(rules):
            for pattern in rule.actions:
                if not any(fnmatchcase(name, pattern) for name in actions):
                    seen = f"{key}.{number} names {pattern!r}, and this host knows no such action"
                    yield warn(_POLICY, seen, did_you_mean(pattern, actions) or "nagare commands actions lists them")


def _check_hold(user: User | None) -> Check:
    async def find() -> Hold:
        worker = Worker("doctor")
        try:
            layers = await probe(worker, find_parents(), user)
        finally:
            worker.close()
        return general_hold(layers, user)

    hold = asyncio.run(find())
    seen = f"{hold.name}: {', '.join(hold.holds())}"
    if not hold.has_pids_limit:
        mend = "run the agent as a service of systemd, or name another user in the policy: run_as"
        return warn(_HOLD, f"{seen}; what may start any number of processes is refused", mend)
    return ok(_HOLD, seen)
