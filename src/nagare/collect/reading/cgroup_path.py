"""What the path of a cgroup says: which container it is, which systemd unit. Pure functions over names."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEX = r"(?P<id>[0-9a-f]{64})"
_RUNTIMES = {
    "docker": "docker",
    "libpod": "podman",
    "cri-containerd": "containerd",
    "crio": "cri-o",
    "nerdctl": "containerd",
    "containerd": "containerd",
}
# systemd's way: one scope a container, named RUNTIME-ID.scope. The monitor processes (conmon) are not the container.
_SCOPE = re.compile(rf"(?P<runtime>[a-z]+(?:-[a-z]+)?)-{_HEX}\.scope")
_BARE = re.compile(_HEX)
_NSPAWN = re.compile(r"systemd-nspawn@(?P<id>.+)\.service")
_LXC = re.compile(r"lxc\.payload[.-](?P<id>.+)")
_MONITORS = frozenset(("libpod-conmon", "crio-conmon"))
_UNIT_ENDS = (".service", ".scope", ".socket", ".mount", ".swap")
_SHORT = 12


class ContainerName(NamedTuple):
    """A container as its cgroup names it: ``id`` in short form where it is hexadecimal."""

    id: str
    name: str
    runtime: str


def parse_container(parents: list[str], name: str) -> ContainerName | None:
    """Return the container that the cgroup ``name`` below ``parents`` is, or None when it is none."""
    scope = _SCOPE.fullmatch(name)
    if scope:
        return _from_scope(scope["runtime"], scope["id"], parents)
    bare = _BARE.fullmatch(name)
    if bare:
        return _short(bare["id"], _runtime_of(parents))
    for pattern, runtime in ((_NSPAWN, "systemd-nspawn"), (_LXC, "lxc")):
        match = pattern.fullmatch(name)
        if match:
            return _named(match["id"], runtime)
    if parents[-1:] == ["lxc"]:
        return _named(name, "lxc")
    return None


def _from_scope(runtime: str, identity: str, parents: list[str]) -> ContainerName | None:
    if runtime in _MONITORS:
        return None
    return _short(identity, _RUNTIMES.get(runtime) or _runtime_of(parents))


def _runtime_of(parents: list[str]) -> str:
    # A bare id stands below the folder of its runtime, or below a pod, whose runtime is not told.
    for parent in reversed(parents):
        if parent in {"docker", "podman", "containerd"}:
            return parent
        if parent.startswith(("libpod_parent", "libpod")):
            return "podman"
        if parent.startswith("kubepods"):
            return "kubepods"
    return "containerd"


def _short(identity: str, runtime: str) -> ContainerName:
    return ContainerName(identity[:_SHORT], identity[:_SHORT], runtime)


def _named(name: str, runtime: str) -> ContainerName:
    plain = unescape_unit(name)[:128]
    return ContainerName(plain, plain, runtime)


def unescape_unit(name: str) -> str:
    r"""Return a unit's name with systemd's escapes (``\x2d`` is a hyphen) undone."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), name)


def find_container(path: str) -> ContainerName | None:
    """Return the outermost container on a cgroup path, or None."""
    names = [name for name in path.split("/") if name]
    for depth, name in enumerate(names):
        found = parse_container(names[:depth], name)
        if found is not None:
            return found
    return None


def find_unit(path: str) -> str | None:
    """Return the innermost systemd unit on a cgroup path, or None."""
    for name in reversed(path.split("/")):
        if name.endswith(_UNIT_ENDS):
            return name[:255]
    return None


def parse_cgroup(text: bytes) -> str:
    """Return the path in a ``/proc/PID/cgroup``: of version 2, else of systemd's own hierarchy, else empty."""
    fallback = ""
    for line in text.decode("utf-8", "replace").split("\n"):
        fields = line.split(":", 2)
        if len(fields) != 3:
            continue
        if fields[0] == "0" and fields[2] != "/":
            return fields[2]
        if fields[1] == "name=systemd":
            fallback = fields[2]
    return fallback
