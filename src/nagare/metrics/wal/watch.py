"""What the writer knows of its disk: free space, and whether the last write went through."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from nagare.config.settings import StorageSettings
from nagare.errors import DiskFullError, NagareError
from nagare.lib.clock import Clock
from nagare.metrics.observe import Observer

log = logging.getLogger(__name__)

# Free space changes slowly and asking for it is a system call: once a second is enough.
FREE_SPACE_SECONDS = 1.0


class Watch:
    """The disk under the log; of the writer's thread, but for what is only read."""

    def __init__(self, directory: Path, storage: StorageSettings, clock: Clock, observer: Observer) -> None:
        """Watch the file system that holds ``directory``."""
        self._directory = directory
        self._reserve = storage.free_reserve_bytes
        self._clock = clock
        self.observer = observer
        self.free_bytes = 0
        self.fault = ""
        self._asked_at: float | None = None

    @property
    def is_writable(self) -> bool:
        """Tell whether the last write went through."""
        return not self.fault

    def check_room(self) -> None:
        """Refuse to write into the reserve. Raises DiskFullError; asks the system once a second at the most."""
        now = self._clock.monotonic()
        if self._asked_at is None or now - self._asked_at >= FREE_SPACE_SECONDS or self.fault:
            self.measure()
            self._asked_at = now
        if self.free_bytes < self._reserve:
            raise DiskFullError(
                f"cannot store batch: {self.free_bytes} bytes are free on {self._directory} and {self._reserve} are kept in reserve",
                hint="free some space; writing resumes by itself",
            )

    def measure(self) -> int:
        """Ask the system for the free space."""
        found = os.statvfs(self._directory)
        self.free_bytes = found.f_bavail * found.f_frsize
        return self.free_bytes

    def failed(self, error: NagareError) -> None:
        """Remember that a write failed; say it once, not at every batch."""
        if not self.fault:
            log.error("log_write_failed error=%s", error.message)
        self.fault = error.message

    def succeeded(self) -> None:
        """Remember that a write went through."""
        if self.fault:
            log.warning("log_write_resumed")
            self.fault = ""
