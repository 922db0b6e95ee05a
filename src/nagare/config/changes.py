"""What differs between two Settings, and which of it only a new process takes up."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.config.fields import all_fields
from nagare.config.settings import Settings
from nagare.config.show import value_of


@dataclass(frozen=True, slots=True)
class Changes:
    """Dotted keys that changed: ``live`` can be taken up at once, ``restart`` needs a new process."""

    live: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def compare(old: Settings, new: Settings) -> Changes:
    """Return what a reload from ``old`` to ``new`` means."""
    changed = [field for key, field in all_fields().items() if value_of(old, key) != value_of(new, key)]
    return Changes(
        live=tuple(field.key for field in changed if not field.restart),
        restart=tuple(field.key for field in changed if field.restart),
    )
