"""Who is told of what: what the file of notifications says, read again when it changes.

A file with a fault changes nothing: what held before holds on, and the fault is told until it is mended.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from nagare.config.notify import load_notifying, mark_of
from nagare.errors import ConfigError

log = logging.getLogger(__name__)


class NotifyBook:
    """Routes, receivers and all that they name."""

    def __init__(self, path: Path | None) -> None:
        """Read the file. Raises ConfigError: a server that could tell nobody does not start. Blocking."""
        self._path = path
        self._mark = mark_of(path)
        self._is_unread = False
        self.notifying = load_notifying(path)
        self.fault = ""

    async def refresh(self) -> bool:
        """Read the file again if it changed; tell whether something else holds now."""
        mark = await asyncio.to_thread(mark_of, self._path)
        if mark == self._mark and not self._is_unread:
            return False
        # Taken before the file is read: what is written meanwhile is read at the next look.
        self._mark = mark
        try:
            found = await asyncio.to_thread(load_notifying, self._path)
        except ConfigError as error:
            # What could not be opened says nothing yet: a file like it may hold as soon as it can be.
            self._is_unread = isinstance(error.__cause__, OSError)
            if error.message != self.fault:
                log.warning("notifications_not_read: %s", error.message)
            self.fault = error.message
            return False
        self.fault, self._is_unread = "", False
        if found == self.notifying:
            return False
        self.notifying = found
        log.info("notifications_read receivers=%d", len(found.receivers))
        return True
