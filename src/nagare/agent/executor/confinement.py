"""What can hold a program on this host, found by really running one in it, and what of that holds a given action.

Layers: bubblewrap (everything read-only, a ``/tmp`` of its own), a control group of systemd or of our own (processes and
memory of all together), and always the kernel's limits for each process. What is missing is said, never assumed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nagare.agent.executor.cgroups import CgroupParents
from nagare.agent.executor.user import User
from nagare.errors import CommandRefusedError
from nagare.model.command.action import Action, Limits
from nagare.model.command.result import Reason

# Fixed: what a name means must not hang on how the agent was started.
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The warden of a program, and what starts it, count too.
_OWN_PIDS = 4
_OWN_MEMORY_BYTES = 2**26
RunsTrue = Callable[["Layers"], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Layers:
    """What works on this host beside the limits of each process."""

    # The program bubblewrap, empty where it does not work.
    bubblewrap: str = ""
    # The program systemd-run, empty where it makes no scope.
    systemd_run: str = ""
    cgroups: CgroupParents | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds one run, in words."""

    layers: Layers
    user: User | None
    has_pids_limit: bool

    @property
    def name(self) -> str:
        """The layers by name; ``rlimits`` alone where there are none."""
        named = {
            "bubblewrap": self.layers.bubblewrap,
            "systemd": self.layers.systemd_run,
            "cgroup": self.layers.cgroups,
        }
        return "+".join(name for name, layer in named.items() if layer) or "rlimits"

    @property
    def has_memory_group(self) -> bool:
        """Whether memory is counted for all processes together."""
        return bool(self.layers.systemd_run or (self.layers.cgroups and self.layers.cgroups.memory))

    def holds(self) -> tuple[str, ...]:
        """Return what is held, one by one."""
        is_grouped = bool(self.layers.systemd_run or self.layers.cgroups)
        words = ["no-new-privileges", "own-session", "cpu:process"]
        words.append("memory:group" if self.has_memory_group else "memory:process")
        if self.has_pids_limit:
            words.append("pids:group" if is_grouped else "pids:user")
        if self.layers.bubblewrap:
            words += ["read-only", "private-tmp"]
        if self.user is not None:
            words.append("other-user")
        return tuple(words)


async def find_layers(own: CgroupParents | None, run_true: RunsTrue) -> Layers:
    """Return the layers in which ``run_true`` (which returns why it failed) really ran a program."""
    bubblewrap = shutil.which("bwrap", path=SEARCH_PATH) or ""
    if bubblewrap and await run_true(Layers(bubblewrap=bubblewrap)):
        bubblewrap = ""
    systemd_run = shutil.which("systemd-run", path=SEARCH_PATH) or ""
    if systemd_run and await run_true(Layers(systemd_run=systemd_run)):
        systemd_run = ""
    cgroups = None if systemd_run else await _find_cgroups(own, run_true)
    return Layers(bubblewrap, systemd_run, cgroups)


async def _find_cgroups(own: CgroupParents | None, run_true: RunsTrue) -> CgroupParents | None:
    if own is None:
        return None
    # A limit of processes is worth having without one of memory.
    for parents in (own, replace(own, memory=None)):
        if not await run_true(Layers(cgroups=parents)):
            return parents
    return None


def general_hold(layers: Layers, user: User | None) -> Hold:
    """Return what holds every program of ``user`` (None: of this one)."""
    uid = user.uid if user else os.geteuid()
    # The kernel counts processes of a user only where that user is not root.
    return Hold(layers, user, has_pids_limit=bool(layers.systemd_run or layers.cgroups) or uid != 0)


def hold_of(layers: Layers, action: Action, user: User | None) -> Hold:
    """Return what will hold ``action``. Raises CommandRefusedError for one that forks freely where nothing bounds that."""
    hold = general_hold(layers, user)
    if action.forks_freely and not hold.has_pids_limit:
        raise CommandRefusedError(
            f"cannot run {action.name}: it may start any number of processes, and nothing on this host can bound them: "
            "the agent is root, and has neither systemd nor a control group for pids",
            hint="run the agent as a service of systemd, or name another user in the policy: run_as",
            reason=Reason.NO_PIDS_LIMIT,
        )
    return hold


def program_argv(hold: Hold, action: Action, argv: tuple[str, ...], folder: Path) -> list[str]:
    """Return the words that start ``argv`` in the sandbox, if there is one."""
    if not hold.layers.bubblewrap:
        return list(argv)
    words = [hold.layers.bubblewrap, "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev"]
    if not action.sees_processes:
        words += ["--unshare-pid", "--unshare-ipc", "--proc", "/proc"]
    words += ["--bind", str(folder), "/tmp"]  # noqa: S108  the sandbox's own
    for path in action.writable:
        words += ["--bind-try", path, path]
    return [*words, "--chdir", "/tmp", "--", *argv]  # noqa: S108  as above


def scope_argv(layers: Layers, limits: Limits, unit: str) -> list[str]:
    """Return the words that put what follows them into a scope of systemd, none where there is no systemd."""
    if not layers.systemd_run:
        return []
    manager = [] if os.geteuid() == 0 else ["--user"]
    properties = {
        "TasksMax": str(limits.pids + _OWN_PIDS),
        "MemoryMax": str(limits.memory_bytes + _OWN_MEMORY_BYTES),
        "MemorySwapMax": "0",
    }
    words = [layers.systemd_run, *manager, "--scope", "--quiet", "--collect", f"--unit={unit}"]
    return [*words, *(f"--property={name}={value}" for name, value in properties.items()), "--"]


def process_limits(hold: Hold, limits: Limits) -> dict[str, int]:
    """Return the kernel's limits for each process, by their names in setrlimit(2) without RLIMIT."""
    found = {
        "CPU": limits.cpu_seconds,
        "FSIZE": limits.file_bytes,
        "NOFILE": limits.open_files,
        "CORE": 0,
    }
    # Only where nothing better is to be had: it counts what a program reserves, and some reserve far more than they use.
    if not hold.has_memory_group:
        found["AS"] = limits.memory_bytes
    uid = hold.user.uid if hold.user else os.geteuid()
    return found if uid == 0 else {**found, "NPROC": limits.pids}
