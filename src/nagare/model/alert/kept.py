"""A rule that came by the API and is kept in the records. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nagare.model.alert.rule import Rule


@dataclass(frozen=True, slots=True)
class KeptRule:
    """A rule with who changed it last, and when (Unix milliseconds); ``revision`` is another one after every change."""

    rule: Rule
    revision: int
    made_ms: int
    changed_ms: int
    changed_by_id: str
    changed_by: str
