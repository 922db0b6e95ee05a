"""What ``/sys/class/net`` tells about an interface beside its traffic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nagare.collect.reading.files import find_integer, find_text

_LOOPBACK = 772
_DUPLEX = frozenset(("full", "half"))
# The ends of virtual cables into containers and guests. Their traffic is that of the bridge they hang on, and they
# come and go with the containers, so that they would fill every table with names that nobody knows.
_CABLES = ("veth", "cali", "lxc", "fwpr", "fwln", "fwbr", "vnet", "ifb")


@dataclass(frozen=True, slots=True)
class Link:
    """One interface; None for what the driver does not tell."""

    speed_bits_per_second: int | None = None
    duplex: str | None = None
    state: str | None = None
    mtu_bytes: int | None = None
    kind: str | None = None


def is_cable(name: str) -> bool:
    """Tell whether the interface is one end of a virtual cable, which gets no row."""
    return name.startswith(_CABLES) and not name.startswith("lxcbr")


def read_link(folder: Path) -> Link:
    """Return what the folder of one interface tells. Asking for the speed of a link that is down fails: unknown."""
    megabits = find_integer(folder / "speed")
    duplex = find_text(folder / "duplex")
    return Link(
        # Virtual links answer -1, some drivers the same as an unsigned number.
        megabits * 1_000_000 if megabits is not None and 0 < megabits < 2**31 else None,
        duplex if duplex in _DUPLEX else None,
        find_text(folder / "operstate", 32),
        find_integer(folder / "mtu"),
        _kind(folder),
    )


def _kind(folder: Path) -> str | None:
    if not folder.exists():
        return None
    if find_integer(folder / "type") == _LOOPBACK:
        return "loopback"
    marks = ("bridge", "bonding", "wireless", "tun_flags")
    mark = next((mark for mark in marks if (folder / mark).exists()), None)
    if mark is not None:
        return {"bonding": "bond", "tun_flags": "tunnel"}.get(mark, mark)
    for line in (find_text(folder / "uevent") or "").splitlines():
        if line.startswith("DEVTYPE="):
            return line[8:][:32]
    return "physical" if (folder / "device").exists() else "virtual"
