"""What an agent says about its machine when it registers: facts that change with a reboot at the most."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from nagare.collect.collector import Root
from nagare.lib.plain_text import plain

_VALUE_LIMIT = 200
_CONTAINER_WORDS = ("docker", "kubepods", "libpod", "containerd", "lxc", "machine.slice")


def read_facts(root: Root) -> Mapping[str, str]:
    """Return the facts that this machine tells; one that it does not tell is left out."""
    uname = platform.uname()
    facts = {
        "os": _os_name(root) or uname.system,
        "kernel": uname.release,
        "arch": uname.machine,
        "cores": str(os.cpu_count() or ""),
        "memory_bytes": _memory_bytes(root),
        "python": platform.python_version(),
        "cpu": _cpu_model(root),
        "virtualization": _virtualization(root),
        "container": _container(root),
    }
    return {name: plain(value, _VALUE_LIMIT) for name, value in facts.items() if value}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _field(text: str, name: str, separator: str) -> str:
    for line in text.splitlines():
        key, found, value = line.partition(separator)
        if found and key.strip() == name:
            return value.strip().strip('"')
    return ""


def _os_name(root: Root) -> str:
    return _field(_read(root.etc / "os-release"), "PRETTY_NAME", "=")


def _memory_bytes(root: Root) -> str:
    amount = _field(_read(root.proc / "meminfo"), "MemTotal", ":").removesuffix(" kB")
    return str(int(amount) * 1024) if amount.isdigit() else ""


def _cpu_model(root: Root) -> str:
    return _field(_read(root.proc / "cpuinfo"), "model name", ":")


def _virtualization(root: Root) -> str:
    vendor = _read(root.sys / "class/dmi/id/sys_vendor").strip()
    product = _read(root.sys / "class/dmi/id/product_name").strip()
    if " hypervisor" not in _field(_read(root.proc / "cpuinfo"), "flags", ":"):
        return ""
    return " ".join(word for word in (vendor, product) if word) or "virtual machine"


def _container(root: Root) -> str:
    named = _read(root.run / "systemd/container").strip()
    if named:
        return named
    if (root.run / ".containerenv").exists():
        return "podman"
    groups = _read(root.proc / "self/cgroup") + _read(root.proc / "1/cgroup")
    return next((word for word in _CONTAINER_WORDS if word in groups), "")
