"""Carries settings that were taken up while the process runs to whoever can use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nagare.config.settings import Settings

Listener = Callable[[Settings], None]


class Reloads:
    """One listener at a time; the last settings that came while nobody listened are given to who listens next."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listener: Listener | None = None
        self._waiting: Settings | None = None

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Call ``listener`` inside the block; from a signal's context, so it must only pass on."""
        self._listener = listener
        if self._waiting is not None:
            self.tell(self._waiting)
        try:
            yield
        finally:
            self._listener = None

    def tell(self, settings: Settings) -> None:
        """Give the settings that are in force now."""
        self._waiting = settings if self._listener is None else None
        if self._listener is not None:
            self._listener(settings)
