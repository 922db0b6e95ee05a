"""Reads old blocks again, a little at a time, so that a bit that flipped on the disk is found before anybody needs it.

Queries compare a block with its checksum at their first look in a process and never again; what a server that runs for
months holds is compared here. Each round begins with what was looked at longest ago.
"""

from __future__ import annotations

from collections.abc import Iterable

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.verify import BlockCheck


def scrub(check: BlockCheck, blocks: Iterable[Block], limit_bytes: int) -> int:
    """Compare blocks with their checksums until ``limit_bytes`` were read; return how many bytes those were."""
    looks = check.files.looks
    read = 0
    for block in sorted(blocks, key=lambda block: looks.turn(block.path)):
        if read >= limit_bytes:
            break
        if check.cache.is_elsewhere(block):
            continue
        check.look(block, from_disk=True)
        read += block.bytes
    check.tally.scrubbed_bytes += read
    return read
