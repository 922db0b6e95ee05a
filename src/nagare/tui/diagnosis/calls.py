"""What screens ask about diagnoses: the seam between them and the client's calls, which fit it as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nagare.wire.diagnosis import (
        DiagnoseRequest,
        DiagnosisBrief,
        DiagnosisView,
        FoundLine,
        RatingRequest,
        StageLine,
        WordsLine,
    )


class DiagnosisSeam(Protocol):
    """Every call may raise NagareError."""

    async def diagnoses(self, limit: int = 50, **wanted: str) -> list[DiagnosisBrief]:
        """Return at most ``limit`` diagnoses, the newest first."""
        ...

    async def diagnosis(self, id_: str) -> DiagnosisView:
        """Return a diagnosis with its evidence."""
        ...

    def follow(self, request: DiagnoseRequest) -> AsyncGenerator[StageLine | WordsLine | FoundLine]:
        """Ask what is wrong and yield how far it is, what was found last; closing it ends the work."""
        ...

    async def rate(self, id_: str, request: RatingRequest) -> DiagnosisView:
        """Say whether it helped."""
        ...

    async def job_of(self, command_id: str) -> str:
        """Return the job of a command, empty where it is not known any more."""
        ...
