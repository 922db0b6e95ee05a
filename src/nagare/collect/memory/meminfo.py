"""Reads ``/proc/meminfo`` and ``/proc/vmstat``: pure functions from text to numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def parse_meminfo(text: bytes) -> Mapping[bytes, int]:
    """Return bytes by field name (plain counts where the kernel gives no unit). Bad lines are left out."""
    found: dict[bytes, int] = {}
    for line in text.split(b"\n"):
        name, colon, rest = line.partition(b":")
        fields = rest.split()
        if not colon or not fields or not fields[0].isdigit() or len(fields[0]) > 18:
            continue
        found[name] = int(fields[0]) * (1024 if len(fields) > 1 else 1)
    return found


def find_counters(text: bytes, names: Iterable[bytes]) -> Mapping[bytes, int]:
    """Return the counters of ``names`` in ``/proc/vmstat``, without reading its other two hundred lines."""
    found: dict[bytes, int] = {}
    text = b"\n" + text
    for name in names:
        at = text.find(b"\n" + name + b" ")
        if at < 0:
            continue
        start = at + len(name) + 2
        value = text[start : text.find(b"\n", start)] if b"\n" in text[start:] else text[start:]
        if value.isdigit() and len(value) <= 19:
            found[name] = int(value)
    return found


def memory_columns(fields: Mapping[bytes, int]) -> dict[str, int | float | None]:
    """Return the gauges of ``memory`` that meminfo tells."""
    get = fields.get
    total, available = get(b"MemTotal"), _available(fields)
    used = None if total is None or available is None else max(0, total - available)
    swap_total, swap_free = get(b"SwapTotal"), get(b"SwapFree")
    swap_used = None if swap_total is None or swap_free is None else max(0, swap_total - swap_free)
    return {
        "total_bytes": total,
        "available_bytes": available,
        "used_bytes": used,
        "used_ratio": used / total if used is not None and total else None,
        "free_bytes": get(b"MemFree"),
        "buffers_bytes": get(b"Buffers"),
        "cached_bytes": get(b"Cached"),
        "slab_bytes": get(b"Slab"),
        "shared_bytes": get(b"Shmem"),
        "dirty_bytes": get(b"Dirty"),
        "committed_bytes": get(b"Committed_AS"),
        "hugepages_bytes": _hugepages(fields),
        "swap_total_bytes": swap_total,
        "swap_used_bytes": swap_used,
        "swap_used_ratio": swap_used / swap_total if swap_used is not None and swap_total else None,
    }


def _available(fields: Mapping[bytes, int]) -> int | None:
    # Kernels before 3.14 have no MemAvailable: what is free or can be dropped comes near it.
    if b"MemAvailable" in fields:
        return fields[b"MemAvailable"]
    parts = [fields.get(name) for name in (b"MemFree", b"Buffers", b"Cached")]
    return None if None in parts else sum(part for part in parts if part is not None)


def _hugepages(fields: Mapping[bytes, int]) -> int | None:
    if b"Hugetlb" in fields:
        return fields[b"Hugetlb"]
    pages, size = fields.get(b"HugePages_Total"), fields.get(b"Hugepagesize")
    return None if pages is None or size is None else pages * size
