"""What workers and servers that were killed left: by SIGKILL, so nothing of theirs is tidied by themselves."""

from __future__ import annotations

import re
from pathlib import Path

from nagare.automation.upkeep import backup, exports, verification
from nagare.config.places import Places
from nagare.lib.archive import remove_abandoned
from nagare.lib.scratch import remove_dead

# Of the kind backup: only what it made is ever removed.
OURS = re.compile(r"nagare-\d{8}T\d{6}Z-[0-9a-f]{8}\.tar")
# A backup writes all the time, but for a dump of the records on its way.
_QUIET_SECONDS = 600.0


def remove_leftovers(data: Path, backups: Path | None, now_ms: int) -> list[str]:
    """Remove what no process has any more, in ``data`` and the directory of ``backups``; return it. Raises OSError."""
    removed = [left for name in (backup.SCRATCH, verification.SCRATCH) for left in remove_dead(data, name)]
    removed += remove_dead(Places(data).exports, exports.SCRATCH)
    if backups is not None and backups.is_dir():
        removed += remove_abandoned(backups, OURS, now_ms / 1000 - _QUIET_SECONDS)
    return removed
