"""An exchange as the log keeps it. A pure value."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.diagnosis.models.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Kept:
    """An exchange as it is kept: of which diagnosis, who asked for that, and what was made of its answers."""

    id: str
    diagnosis_id: str
    asked_by: str
    exchange: Exchange
    verdict: str = ""
