"""What the room of diagnoses is asked, and what it needs of the server's other rooms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.journal import Journal
from nagare.diagnosis.progress import Progress, Unheard
from nagare.diagnosis.reasoning import Earlier, Search
from nagare.diagnosis.store import Kept
from nagare.model.diagnosis.diagnosis import Scope


class Neighbours(Protocol):
    """What diagnoses need of the server's other rooms."""

    def own_sight(self) -> Asker:
        """Return what asks with the sight of the server itself: every host and table."""
        ...

    async def alert_of(self, alert_id: str) -> tuple[str, int]:
        """Return the host of an alert (empty where it has none) and since when its condition holds, Unix milliseconds.

        Raises NotFoundError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom, and what of it the asker may see."""

    scope: Scope
    window: Window
    asker: Asker
    asked_by: str
    evidence_only: bool = False
    # Whether a model is asked, too.
    by_model: bool = False
    # The diagnosis that it follows, and what was said until then.
    after: Kept | None = None
    search: Search | None = None
    history: tuple[Earlier, ...] = ()
    # Reads journals as the asker, where the asker wants that; None otherwise: a diagnosis runs nothing by itself.
    journal: Journal | None = None
    # Waits for its turn however many wait already.
    is_patient: bool = False
    # Who hears how far it is.
    progress: Progress = field(default_factory=Unheard)
    # Asked for whoever sees the hosts that it speaks of: nothing is told that only others may see.
    is_shared: bool = False
