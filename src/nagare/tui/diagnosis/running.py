"""A diagnosis that is being made, and one that came to nothing: what is known of each meanwhile. Pure state."""

from __future__ import annotations

from dataclasses import dataclass, field

from nagare.client.diagnosis_text import stage_text
from nagare.lib.plain_text import plain
from nagare.wire.diagnosis import StageLine, WordsLine

# What one investigator wrote, in characters, and of how many it is kept.
_WRITTEN_LIMIT, _ASKERS_MOST = 8_000, 12


@dataclass(slots=True)
class Running:
    """What is asked, since when, the stages that were reached, and what models write, which nobody verified yet."""

    about: str
    began_ms: int
    question: str = ""
    by_model: bool = False
    stages: dict[str, StageLine] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def take(self, line: StageLine | WordsLine) -> None:
        """Keep what was told."""
        if isinstance(line, StageLine):
            self.stages[line.stage] = line
        elif line.asker in self.written or len(self.written) < _ASKERS_MOST:
            asker = plain(line.asker, 40)
            self.written[asker] = (self.written.get(asker, "") + line.text)[-_WRITTEN_LIMIT:]

    @property
    def stage(self) -> str:
        """The stage that goes on now, empty before the first."""
        return next(reversed(self.stages), "")

    def words_of_stage(self) -> str:
        """Return in a few words what goes on now."""
        return self.told(self.stage) if self.stage else "asking the server"

    def told(self, stage: str) -> str:
        """Return what is known of a stage."""
        return stage_text(self.stages.get(stage) or StageLine(stage))


@dataclass(frozen=True, slots=True)
class Failed:
    """A question that was not answered, and why; ``is_cancelled`` where nobody wanted it any more."""

    about: str
    message: str
    hint: str = ""
    is_cancelled: bool = False
