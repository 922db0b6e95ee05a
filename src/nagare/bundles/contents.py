"""What the agent's file holds: the rooms that the agent imports, and of other distributions what it needs of them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType

from nagare.errors import InputError

ARCHES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
LIMIT_BYTES = 15_000_000
# Rooms that the agent may import (the plan of the rooms), and the part of the command line that leads to it.
ROOMS = frozenset({"agent", "client", "collect", "config", "keys", "lib", "model", "net", "wire"})
_CLI = (
    "cli/__init__.py",
    "cli/main.py",
    "cli/agent.py",
    "cli/exit_codes.py",
    "cli/version.py",
    "cli/console/",
    # `status` of the agent on its own host.
    "cli/offline/__init__.py",
    "cli/offline/agent_status.py",
    "cli/offline/agent_report.py",
)
_TOP = ("__init__.py", "errors.py")
# What the agent reads beside code: the actions that come with the package.
_ACTIONS = "config/actions/shipped/"
_LEFT_OUT = (".pyi", ".pyc", ".h", ".c", ".pyx", ".pxd", ".rs")


@dataclass(frozen=True, slots=True)
class Needed:
    """A distribution that the agent imports: which of its files (prefixes), and up to which Python it is needed."""

    prefixes: tuple[str, ...]
    last_python: str = ""
    is_compiled: bool = False

    def wants(self, name: str) -> bool:
        """Tell whether the file ``name`` of the distribution goes in."""
        parts = PurePosixPath(name).parts
        is_test = "tests" in parts or "test" in parts or "__pycache__" in parts
        return name.startswith(self.prefixes) and not is_test and not name.endswith((*_LEFT_OUT, "/"))


# The names as in the lock. A test runs the file where nothing else can be imported.
DISTRIBUTIONS: Mapping[str, Needed] = MappingProxyType(
    {
        "annotated-doc": Needed(("annotated_doc/",)),
        "backports-zstd": Needed(("backports/",), last_python="3.13", is_compiled=True),
        # Only the part in C: cryptography loads it, and the compiler's side in Python stays at home.
        "cffi": Needed(("_cffi_backend",), is_compiled=True),
        "cryptography": Needed(("cryptography/",), is_compiled=True),
        "msgspec": Needed(("msgspec/",), is_compiled=True),
        "nvidia-ml-py": Needed(("pynvml.py",)),
        "platformdirs": Needed(("platformdirs/",)),
        "psutil": Needed(("psutil/",), is_compiled=True),
        "shellingham": Needed(("shellingham/",)),
        "typer": Needed(("typer/",)),
        "typing-extensions": Needed(("typing_extensions.py",)),
    }
)


def own_arch() -> str:
    """Return the architecture of this machine in the words of ARCHES. Raises InputError for another one."""
    return check_arch(platform.machine())


def own_python() -> str:
    """Return the version of this interpreter as in PYTHONS."""
    return ".".join(platform.python_version_tuple()[:2])


def check_arch(arch: str) -> str:
    """Return ``arch`` if there are agents for it. Raises InputError."""
    if arch not in ARCHES:
        raise InputError(f"cannot use architecture {arch[:40]!r}: agents run on {' and '.join(ARCHES)}")
    return arch


def is_needed(name: str, python: str) -> bool:
    """Tell whether the agent needs the distribution ``name`` on ``python``."""
    last = DISTRIBUTIONS[name].last_python
    return not last or _minor(python) <= _minor(last)


def is_own_part(name: str) -> bool:
    """Tell whether ``name``, below the package's folder, is part of the agent."""
    if name.startswith(_ACTIONS):
        return name.endswith(".toml")
    if not name.endswith(".py"):
        return False
    return name in _TOP or name.startswith(_CLI) or name.split("/", maxsplit=1)[0] in ROOMS


def _minor(python: str) -> int:
    return int(python.partition(".")[2])
