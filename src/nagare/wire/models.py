"""What was said to models, over HTTP. Times are RFC 3339; costs in US dollars."""

from __future__ import annotations

import msgspec


class ExchangeView(msgspec.Struct, frozen=True):
    """One question to a model. ``asker`` is the investigator, ``asked_by`` the person; ``outcome`` is sent, answered, cut, blocked, failed, late or cancelled.

    ``prompt`` and ``answer`` are empty in a list. ``verdict`` is what was made of all answers of its diagnosis.
    """

    id: str
    at: str
    diagnosis: str
    asked_by: str
    asker: str
    model: str
    outcome: str
    why: str
    prompt_tokens: int
    answer_tokens: int
    is_estimate: bool
    cost: float
    seconds: float
    verdict: str
    prompt: str = ""
    answer: str = ""


class ExchangeList(msgspec.Struct, frozen=True):
    """``GET /api/v1/models/log``: the newest first; ``next`` goes on, empty at the end."""

    exchanges: list[ExchangeView]
    next: str = ""


class Removed(msgspec.Struct, frozen=True):
    """How many were forgotten."""

    count: int


class TrialView(msgspec.Struct, frozen=True):
    """``POST /api/v1/models/check``: whether the configured model calls tools and keeps to a form, and what asking it cost.

    ``fault`` says why it did not answer, empty where it did.
    """

    model: str
    calls_tools: bool
    keeps_form: bool
    tokens: int
    cost: float
    seconds: float
    fault: str = ""
