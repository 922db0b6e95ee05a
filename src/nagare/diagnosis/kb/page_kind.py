"""What a page is, by what it says of itself, else by the folder in which it stands. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath

from nagare.diagnosis.kb.front_matter import FrontMatter
from nagare.model.diagnosis.knowledge import PageKind

_WORDS = {
    "runbook": PageKind.RUNBOOK, "runbooks": PageKind.RUNBOOK, "playbook": PageKind.RUNBOOK, "playbooks": PageKind.RUNBOOK,
    "guide": PageKind.RUNBOOK, "guides": PageKind.RUNBOOK, "alerts": PageKind.RUNBOOK,
    "incident": PageKind.INCIDENT, "incidents": PageKind.INCIDENT, "postmortem": PageKind.INCIDENT,
    "postmortems": PageKind.INCIDENT, "post-mortem": PageKind.INCIDENT, "post-mortems": PageKind.INCIDENT, "outage": PageKind.INCIDENT,
    "outages": PageKind.INCIDENT, "retrospective": PageKind.INCIDENT, "rca": PageKind.INCIDENT,
    "note": PageKind.NOTE, "notes": PageKind.NOTE, "docs": PageKind.NOTE, "wiki": PageKind.NOTE,
}  # fmt: skip


def kind_of(path: str, front: FrontMatter) -> PageKind:
    """Return the kind of the page at ``path``; instructions where nothing tells."""
    said = _WORDS.get(front.first("kind", "type").lower())
    if said is not None:
        return said
    if front.first("outcome"):
        return PageKind.INCIDENT
    folders = reversed(PurePosixPath(path).parts[:-1])
    return next((_WORDS[folder.lower()] for folder in folders if folder.lower() in _WORDS), PageKind.RUNBOOK)
