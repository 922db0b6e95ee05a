"""What people wrote down, as evidence: passages of the knowledge base that fit a question of an investigator."""

from __future__ import annotations

from functools import partial

from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.reasoning import Search
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind
from nagare.model.diagnosis.knowledge import Passage

NAME = "passages"
_TEXT = "runbooks, notes and past incidents that fit what is said in `about`"


def passage_tool(search: Search) -> Tool:
    """Return the tool over ``search``, which knows what its caller may read."""
    return Tool(NAME, _TEXT, NAME, partial(_look, search), is_search=True)


async def _look(search: Search, ground: Ground) -> list[Seen]:
    return [seen_passage(passage) for passage in await search(ground.about)]


def seen_passage(passage: Passage) -> Seen:
    """Return ``passage`` as something that was seen: of no host, and no sign of anything bad."""
    return Seen(NAME, "", partial(_draft, passage), values={"score": passage.score})


def _draft(passage: Passage) -> Evidence:
    # The outcome of an incident is what a reader wants first: the text is cut.
    ended = f" (it ended so: {passage.outcome})" if passage.outcome else ""
    # Its headings stand beside it.
    lines = [line for line in passage.text.splitlines() if not line.startswith("#")]
    text = f"{passage.title}{ended}: {' '.join(lines).strip()}"
    about = " > ".join(passage.headings) or passage.title
    place = place_of(passage, f"{passage.first}-{passage.last}")
    return Evidence("", EvidenceKind.PASSAGE, "", text, about=about, place=place)


def place_of(passage: Passage, lines: str) -> str:
    """Return where ``lines`` of the passage's page stand, as ``5-9``."""
    first, _, last = lines.partition("-")
    return f"{passage.source}: {passage.path}, lines {first} to {last}"
