"""The clock of each core, read seldom: on some processors each reading wakes the core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nagare.collect.collector import Root
from nagare.collect.reading.files import find_bytes, find_integer


def read_frequencies(root: Root, cores: Iterable[str]) -> Mapping[str, float]:
    """Return hertz by core number, from cpufreq, else from ``/proc/cpuinfo``; empty where neither tells."""
    base = f"{root.sys}/devices/system/cpu/cpu"
    found: dict[str, float] = {}
    for core in cores:
        kilohertz = find_integer(f"{base}{core}/cpufreq/scaling_cur_freq")
        if kilohertz is None:
            break
        found[core] = kilohertz * 1000.0
    return found or parse_cpuinfo(find_bytes(root.proc / "cpuinfo", 2**20) or b"")


def parse_cpuinfo(text: bytes) -> Mapping[str, float]:
    """Return hertz by core number from the 'cpu MHz' lines; empty where there are none (arm64)."""
    found: dict[str, float] = {}
    core = ""
    for line in text.split(b"\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            continue
        if name.startswith(b"processor"):
            core = value.strip().decode("ascii", "replace")
        elif core.isdigit() and name.startswith(b"cpu MHz"):
            _keep_megahertz(found, core, value)
    return found


def _keep_megahertz(found: dict[str, float], core: str, value: bytes) -> None:
    try:
        megahertz = float(value)
    except ValueError:
        return
    if 0 < megahertz < 1e6:
        found[core] = megahertz * 1e6
