"""A page with the source that it is of. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.model.diagnosis.knowledge import PageText


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page with the name and the version of its source."""

    source: str
    version: str
    page: PageText
