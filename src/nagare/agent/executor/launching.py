"""From a verified command to what its warden is told: which program, as whom, in which folder, held by what."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nagare.agent.executor.cgroups import (
    CgroupParents,
    find_parents,
    folders_of,
    limit_groups,
    make_groups,
    remove_groups,
)
from nagare.agent.executor.confinement import (
    SEARCH_PATH,
    Hold,
    Layers,
    hold_of,
    process_limits,
    program_argv,
    scope_argv,
)
from nagare.agent.executor.policy import Policy
from nagare.agent.executor.program import Launch
from nagare.agent.executor.strays import VARIABLE, end_strays
from nagare.agent.executor.user import User
from nagare.agent.executor.verify import Verified
from nagare.errors import CommandRefusedError, UnavailableError
from nagare.model.command.action import Action, Limits
from nagare.model.command.plan import Plan
from nagare.model.command.result import Reason

# Where every user may pass; the folder itself is the program's alone.
_FOLDERS = Path("/tmp")  # noqa: S108  made with a name that nobody knows before, for its owner only
_ENVIRONMENT = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "TERM": "dumb"}


def find_argv(action: Action, plan: Plan) -> tuple[str, ...]:
    """Return the words of the first variant whose program is on this host, with its path. Raises CommandRefusedError."""
    for argv in plan.argvs:
        path = shutil.which(argv[0], path=SEARCH_PATH)
        if path is not None:
            return (path, *argv[1:])
    names = ", ".join(dict.fromkeys(argv[0] for argv in plan.argvs))
    raise CommandRefusedError(
        f"cannot run {action.name}: this host has no {names}", hint=f"looked in {SEARCH_PATH}", reason=Reason.NO_PROGRAM
    )


def find_user(policy: Policy, action: Action) -> User | None:
    """Return the user to run ``action`` as, None for the agent's own. Raises CommandRefusedError."""
    if os.geteuid() != 0:
        if action.needs_root:
            raise CommandRefusedError(
                f"cannot run {action.name}: it needs root, and the agent of this host is user {os.geteuid()}",
                reason=Reason.NEEDS_ROOT,
            )
        return None
    if action.needs_root or not policy.run_as:
        return None
    user = User.find(policy.run_as)
    if user is None:
        raise CommandRefusedError(
            f"cannot run {action.name}: the policy says run_as = {policy.run_as!r}, and there is no such user",
            reason=Reason.POLICY_INVALID,
        )
    return user


@dataclass(frozen=True, slots=True)
class Runnable:
    """What runs once it is its turn, and what holds it."""

    action: Action
    plan: Plan
    argv: tuple[str, ...]
    hold: Hold
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def prepare(verified: Verified, user: User | None, layers: Layers) -> Runnable:
    """Return what will run here. Raises CommandRefusedError where this host cannot run it, or not held as it must be."""
    action, plan = verified.action, verified.plan
    hold = hold_of(layers, action, user)
    return Runnable(action, plan, find_argv(action, plan), hold, verified.secrets)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run has its files, and the control groups that hold it."""

    folder: Path
    groups: tuple[Path, ...] = ()


def make_place(name: str, limits: Limits, hold: Hold, ready: str = "") -> Place:
    """Make the folder and the groups of one run, or bound those groups that are ``ready`` under that name.

    Blocking. Raises UnavailableError, and leaves nothing then but what was ready.
    """
    folder = _folder_of(name)
    try:
        # Made here or not at all: one that is there already is somebody's trap.
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _no_place(folder, error) from error
    try:
        if hold.user is not None:
            os.chown(folder, hold.user.uid, hold.user.gid)
        groups = _groups_of(name, limits, hold.layers.cgroups, ready)
    except OSError as error:
        remove_place(Place(folder))
        raise _no_place(folder, error) from error
    return Place(folder, tuple(groups))


def _groups_of(name: str, limits: Limits, parents: CgroupParents | None, ready: str) -> list[Path]:
    if parents is None:
        return []
    if not ready:
        return make_groups(parents, f"nagare-{name}", limits)
    limit_groups(parents, ready, limits)
    return folders_of(parents, ready)


def remove_place(place: Place) -> None:
    """Remove what ``make_place`` made. Blocking."""
    remove_groups(list(place.groups))
    shutil.rmtree(place.folder, ignore_errors=True)


def remove_left(name: str) -> None:
    """End and remove what is left of a run whose agent was killed: its warden may have been killed with it. Blocking."""
    end_strays(name)
    parents = find_parents()
    groups = folders_of(parents, f"nagare-{name}") if parents else []
    remove_place(Place(_folder_of(name), tuple(groups)))


def launch_of(name: str, runnable: Runnable, place: Place) -> Launch:
    """Return what the warden of ``runnable`` is told."""
    hold, action = runnable.hold, runnable.action
    plan, secrets, limits = runnable.plan, runnable.secrets, action.limits
    is_inside = bool(hold.layers.bubblewrap)
    home = "/tmp" if is_inside else str(place.folder)  # noqa: S108  the sandbox's own
    environment = {**_ENVIRONMENT, VARIABLE: name, "HOME": home, "TMPDIR": home, **plan.environment}
    environment |= {variable: secrets[given] for variable, given in (plan.environment_secrets or {}).items()}
    return Launch(
        argv=program_argv(hold, action, runnable.argv, place.folder),
        environment=environment,
        folder=str(place.folder),
        limits=process_limits(hold, limits),
        user=hold.user,
        cgroups=[str(group) for group in place.groups],
        prefix=scope_argv(hold.layers, limits, f"nagare-{name}"),
        stdin=secrets.get(plan.stdin_secret, ""),
    )


def _folder_of(name: str) -> Path:
    return _FOLDERS / f"nagare-{name}"


def _no_place(folder: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"cannot start program: no place for it ({folder}): {(error.strerror or str(error)).lower()}"
    )
