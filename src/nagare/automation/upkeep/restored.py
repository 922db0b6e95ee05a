"""What a restored installation may not take up again: what waited when its backup was made may have been done since."""

from __future__ import annotations

from pathlib import Path

from nagare.automation.schedules.store import skip_moments
from nagare.automation.tasks.store import lose_unended
from nagare.config.settings import RecordsSettings
from nagare.records.dump import opened


def settle_work(file: Path, records: RecordsSettings, now_ms: int) -> int:
    """Lose the tasks that had not ended and skip the moments since; return how many tasks. Raises StorageError.

    The records are those of ``records``, else of ``file``.
    """
    with opened(file, records, writes=True) as connection:
        skip_moments(connection, now_ms)
        return lose_unended(connection, now_ms)
