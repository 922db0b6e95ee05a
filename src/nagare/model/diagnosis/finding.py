"""Hypotheses about a cause, with what speaks for and against them; proposals; claims that did not hold. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.model.event import Severity


@dataclass(frozen=True, slots=True)
class ProposedAction:
    """A typed action that might help, for a person to ask for: a diagnosis never runs it, and never asks for it either."""

    action: str
    arguments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    host: str = ""


@dataclass(frozen=True, slots=True)
class Runbook:
    """What people wrote down that fits a hypothesis: advice, no evidence for it.

    ``evidence`` is the id of the passage. ``place`` is where it stands, ``steps`` are the items of its lists, ``outcome`` is
    how an incident ended where the page tells of one.
    """

    evidence: str
    title: str
    place: str
    steps: tuple[str, ...] = ()
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One possible cause. ``cause`` is its stable key, as ``cpu.saturated``; ``confidence`` is a probability, 0 to 1.

    ``evidence_for`` and ``evidence_against`` are ids of the diagnosis's evidence. ``began_ms``: when it set in (Unix
    milliseconds), as far as the evidence tells. ``severity``: how bad it is if it is so. ``next_check`` is what a person
    does first to be sure. ``steps`` are those of the shipped guide that fits, ``guide`` is where it stands; ``runbooks`` are
    what people of the house wrote down.
    """

    cause: str
    title: str
    host: str
    confidence: float
    severity: Severity = Severity.WARNING
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    began_ms: int | None = None
    about: str = ""
    next_check: str = ""
    proposal: ProposedAction | None = None
    steps: tuple[str, ...] = ()
    guide: str = ""
    runbooks: tuple[Runbook, ...] = ()


@dataclass(frozen=True, slots=True)
class Struck:
    """A claim that was made and did not hold, and why: shown, struck out, never hidden."""

    claim: str
    why: str
