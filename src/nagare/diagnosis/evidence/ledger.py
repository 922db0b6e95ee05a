"""The evidence of one diagnosis: numbered, each thing once, bounded, and redacted before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from nagare.diagnosis.evidence.seen import Seen
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence

# Of one piece, in characters: one line for people, and few tokens for a model.
TEXT_LIMIT = 400
ABOUT_LIMIT = 120
# A path below a directory of pages, or an id.
PLACE_LIMIT = 300
# So many times what is shown is looked over for secrets: a host can send far longer words.
_LOOKED_OVER = 4


class Ledger:
    """Gives ids in the order in which evidence comes."""

    def __init__(self, redact: Callable[[str], str], limit: int) -> None:
        """Take ``limit`` pieces at the most; ``redact`` takes out of a text what must not leave."""
        self._redact = redact
        self._limit = limit
        self._by_thing: dict[tuple[object, ...], Evidence] = {}
        # How many pieces there was no room for.
        self.left_out = 0

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """All of it, by id."""
        return tuple(self._by_thing.values())

    def add(self, draft: Evidence) -> Evidence | None:
        """Return ``draft`` with its id, the one that it has already if it is known; None where there is no room."""
        thing = (draft.kind, draft.host, draft.sql, tuple(sorted(draft.params.items())), draft.sql or draft.text)
        if (known := self._by_thing.get(thing)) is not None:
            return known
        if len(self._by_thing) >= self._limit:
            self.left_out += 1
            return None
        made = replace(
            draft,
            id=f"E{len(self._by_thing) + 1}",
            text=self.shown(draft.text, TEXT_LIMIT),
            about=self.shown(draft.about, ABOUT_LIMIT),
            place=self.shown(draft.place, PLACE_LIMIT),
        )
        self._by_thing[thing] = made
        return made

    def redacted(self, text: str) -> str:
        """Return ``text`` without what must not leave, its lines as they are; cut as the redactor cuts."""
        return self._redact(text)

    def shown(self, text: str, limit: int) -> str:
        """Return ``text`` as it may be shown: redacted, on one line, cut to ``limit`` characters."""
        return plain(self._redact(text[: limit * _LOOKED_OVER]), limit)

    def ids(self, seen: Iterable[Seen]) -> tuple[str, ...]:
        """Return the ids of what was ``seen``, as far as there is room."""
        return tuple(made.id for each in seen if (made := self.add(each.draft())) is not None)
