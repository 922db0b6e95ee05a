"""Where the contents come from: a folder of wheels, or the distributions that are installed here."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

import nagare
from nagare.bundles.contents import DISTRIBUTIONS, is_needed, is_own_part, own_arch, own_python
from nagare.errors import ConflictError, InputError, NotFoundError

# The first that every Python of ours needs; newer ones stand in the tags of wheels.
_OLDEST_GLIBC = (2, 17)
_GLIBC_OF = {"manylinux2014": (2, 17), "manylinux2010": (2, 12), "manylinux1": (2, 5)}
_ANY = "any"


@dataclass(slots=True)
class Contents:
    """Members of an agent file by name, for which machines they are, and where they came from."""

    arch: str
    pythons: tuple[str, ...]
    origin: str
    members: dict[str, bytes] = field(default_factory=dict)
    glibc: tuple[int, int] = _OLDEST_GLIBC

    def add(self, name: str, tag: _Tag, content: bytes) -> None:
        """Add a file of a distribution."""
        self.members[f"lib/{tag.folder}/{name}"] = content
        self.glibc = max(self.glibc, tag.glibc)


@dataclass(frozen=True, slots=True)
class _Tag:
    """For which interpreters and C library a wheel is; ``folder`` is ``any`` or the one interpreter's."""

    folder: str
    glibc: tuple[int, int]
    arch: str

    @classmethod
    def parse(cls, python: str, abi: str, systems: Iterable[str]) -> Self | None:
        """Return the tag of a wheel, None when no Linux of ours runs it."""
        folder = _ANY if abi in ("none", "abi3") else abi
        if python.startswith("cp") and abi == "abi3" and int(python[3:] or 0) > 11:
            return None
        libraries = {_glibc_of(system) for system in systems}
        libraries.discard(None)
        if not libraries:
            return None
        arch, glibc = min((name, version) for name, version in filter(None, libraries))
        return cls(folder, glibc, arch)

    def fits(self, arch: str, python: str) -> bool:
        """Tell whether it runs there."""
        return self.arch in ("", arch) and self.folder in (_ANY, f"cp{python.replace('.', '')}")


def _glibc_of(system: str) -> tuple[str, tuple[int, int]] | None:
    if system == "any":
        return "", (0, 0)
    if found := re.fullmatch(r"manylinux_(\d+)_(\d+)_(\w+)", system):
        return found[3], (int(found[1]), int(found[2]))
    if found := re.fullmatch(r"(manylinux\d+)_(\w+)", system):
        return found[2], _GLIBC_OF[found[1]]
    return None


def from_installed() -> Contents:
    """Return what is installed here, for this machine's architecture and this Python only. Raises NotFoundError."""
    contents = Contents(own_arch(), (own_python(),), "installed")
    for name, needed in DISTRIBUTIONS.items():
        if not is_needed(name, own_python()):
            continue
        found = _installed(name)
        tag = _installed_tag(found)
        for path in found.files or ():
            if needed.wants(str(path)):
                contents.add(str(path), tag, Path(str(path.locate())).read_bytes())
    _add_own(contents)
    return contents


def from_wheels(folder: Path, arch: str, pythons: Iterable[str], pins: Mapping[str, str]) -> Contents:
    """Return what the wheels in ``folder`` hold, of the versions in ``pins``. Raises NotFoundError, InputError."""
    contents = Contents(arch, tuple(pythons), "wheels")
    wheels = list(_wheels(folder))
    for name in DISTRIBUTIONS:
        for python in (python for python in contents.pythons if is_needed(name, python)):
            fitting = [wheel for wheel in wheels if wheel.is_of(name, pins[name]) and wheel.tag.fits(arch, python)]
            if not fitting:
                raise NotFoundError(
                    f"cannot build an agent for {arch}: no wheel of {name} {pins[name]} for Python {python} in {folder}",
                    hint="fetch it with pip download, or leave --wheels out",
                )
            # Of several the one that the oldest machines run.
            min(fitting, key=lambda wheel: wheel.tag.glibc).add_to(contents)
    _add_own(contents)
    return contents


@dataclass(frozen=True, slots=True)
class _Wheel:
    path: Path
    name: str
    version: str
    tag: _Tag

    def is_of(self, name: str, version: str) -> bool:
        return self.name == name and self.version == version

    def add_to(self, contents: Contents) -> None:
        needed = DISTRIBUTIONS[self.name]
        try:
            with zipfile.ZipFile(self.path) as archive:
                for name in filter(needed.wants, archive.namelist()):
                    contents.add(name, self.tag, archive.read(name))
        except (zipfile.BadZipFile, OSError) as error:
            raise InputError(f"cannot read wheel {self.path}: {error}") from error


def _wheels(folder: Path) -> Iterator[_Wheel]:
    for path in sorted(folder.glob("*.whl")):
        parts = path.stem.split("-")
        if len(parts) not in (5, 6):
            continue
        tag = _Tag.parse(parts[-3].split(".")[-1], parts[-2].split(".")[-1], parts[-1].split("."))
        if tag is not None:
            yield _Wheel(path, parts[0].replace("_", "-").lower(), parts[1], tag)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise NotFoundError(
            f"cannot build an agent from what is installed: there is no {name}", hint="name a folder with --wheels"
        ) from error


def _installed_tag(found: Distribution) -> _Tag:
    lines = (found.read_text("WHEEL") or "").splitlines()
    tags = [line.removeprefix("Tag:").strip().split("-") for line in lines if line.startswith("Tag:")]
    tag = _Tag.parse(tags[0][0], tags[0][1], [parts[2] for parts in tags]) if tags else None
    if tag is None or not tag.fits(own_arch(), own_python()):
        raise ConflictError(
            f"cannot build an agent from what is installed: {found.name} {found.version} was built for this machine alone",
            hint="name a folder of wheels with --wheels",
        )
    return tag


def _add_own(contents: Contents) -> None:
    package = Path(nagare.__file__).parent
    for path in sorted(package.rglob("*")):
        name = path.relative_to(package).as_posix()
        if is_own_part(name) and path.is_file():
            contents.members[f"lib/{_ANY}/nagare/{name}"] = path.read_bytes()
