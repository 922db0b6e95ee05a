"""Wheels for other machines, by pip and from its own index: exactly what the lock pins, compared with its hashes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nagare
from nagare.bundles.contents import DISTRIBUTIONS, is_needed
from nagare.errors import ConfigError, NotFoundError, UnavailableError

# The oldest first: pip takes the first that fits, and the oldest C library leaves out the fewest hosts.
_SYSTEMS = ("manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux2010", "manylinux_2_28", "manylinux_2_34")
_PIN = re.compile(r"([a-z0-9-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution of the lock."""

    version: str
    hashes: tuple[str, ...]


def find_lock() -> Path | None:
    """Return the lock that this package was installed by, None when it did not come along."""
    package = Path(nagare.__file__).parent
    places = (package / "requirements.lock", package.parents[1] / "requirements.lock")
    return next((path for path in places if path.is_file()), None)


def read_pins(lock: Path) -> dict[str, Pin]:
    """Return what ``lock`` says of the agent's distributions. Raises ConfigError when one is missing, OSError."""
    pins = {}
    for entry in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if (found := _PIN.match(entry)) and found[1] in DISTRIBUTIONS:
            pins[found[1]] = Pin(found[2], tuple(_HASH.findall(entry)))
    missing = [name for name in DISTRIBUTIONS if name not in pins or not pins[name].hashes]
    if missing:
        raise ConfigError(f"cannot use lock {lock}: it does not pin {', '.join(missing)} with hashes")
    return pins


def installed_pins() -> dict[str, str]:
    """Return the versions that are installed here, where no lock came along. Raises NotFoundError."""
    try:
        return {name: version(name) for name in DISTRIBUTIONS}
    except PackageNotFoundError as error:
        raise NotFoundError(f"cannot build an agent: {error.name} is not installed here") from error


def download(folder: Path, arch: str, pythons: Iterable[str], pins: Mapping[str, Pin]) -> None:
    """Fetch the wheels of ``pins`` for ``arch`` and each of ``pythons`` into ``folder``. Raises UnavailableError."""
    for python in pythons:
        wanted = folder / f"wanted-{python}.txt"
        lines = [
            f"{name}=={pin.version} {' '.join(pin.hashes)}" for name, pin in pins.items() if is_needed(name, python)
        ]
        wanted.write_text("\n".join(lines) + "\n", encoding="ascii")
        _run_pip(_arguments(folder, wanted, arch, python), f"wheels for {arch} and Python {python}")


def _arguments(folder: Path, wanted: Path, arch: str, python: str) -> list[str]:
    tag = f"cp{python.replace('.', '')}"
    arguments = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(wanted)]
    arguments += ["--implementation", "cp", "--python-version", python, "--abi", tag, "--abi", "abi3", "--abi", "none"]
    for system in _SYSTEMS:
        arguments += ["--platform", f"{system}_{arch}"]
    return [*arguments, "--dest", str(folder)]


def _run_pip(arguments: list[str], what: str) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    try:
        ended = subprocess.run(
            [*pip, *arguments], capture_output=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"cannot fetch {what}: {type(error).__name__}") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        cause = next((line for line in reversed(said) if line.startswith("ERROR:")), "pip failed")
        raise UnavailableError(
            f"cannot fetch {what}: {cause.removeprefix('ERROR:').strip()[:200]}",
            hint="pip asks the index of its own configuration; or name a folder with --wheels",
        )
