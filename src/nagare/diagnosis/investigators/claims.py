"""What a model claims, held against the evidence before anybody sees it: what does not hold is struck out, with the reason. Pure.

The verifier of the room runs every cited query again; here stands what only a model can get wrong: ids that there are not,
figures that are others, numbers in prose that nothing shows, causes that came after what they are to explain, and
proposals that nobody offered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.diagnosis.investigators.enclosed import moment
from nagare.diagnosis.investigators.form import HYPOTHESES_MOST, NOT_TOLD
from nagare.diagnosis.models.json_text import Json, as_list, as_object, as_text
from nagare.diagnosis.verify import SLACK_MS, is_same
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind
from nagare.model.diagnosis.finding import Hypothesis, ProposedAction, Struck
from nagare.model.event import Severity

# Nobody who only read is surer.
CONFIDENCE_MOST = 0.95
_WHOLE_MOST = 2**63 - 1
_TITLE_LIMIT, _CHECK_LIMIT, _CITED_MOST = 200, 300, 12
_ANSWER_LIMIT = 2000
_MEASURED = frozenset({EvidenceKind.METRIC, EvidenceKind.PROCESS, EvidenceKind.ANOMALY, EvidenceKind.CHANGE})
_CITATION = re.compile(r"\[(E[0-9]+)\]")
# Whatever has a digit in it: a number with its unit, a moment, a name.
_TOKEN = re.compile(r"[\w./:@%°+-]*\d[\w./:@%°+-]*")
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:[A-Za-zµ%°][A-Za-zµ%°/]*)?")
# Addresses and commands: what is to be done comes from our own rules and guides, or as a proposal that was offered.
_STEERING = re.compile(
    r"\w+://|\bwww\.|`|\$\(|\|\s*\w|&&|;\s*\w+\s+[-/]|\b(?:curl|wget|sudo)\s+\S"
    r"|\b(?:nc|bash|sh|python3?|perl|rm|dd|chmod|chown|kill)\s+[-/]|\w\s+--?[a-z]",
    re.IGNORECASE,
)
_STEERS = "it holds an address or a command, which a model may not give"
# Names with dots in them are addresses, but for units and files.
_DOTTED = re.compile(r"(?<![\w.-])(?:\w[\w-]{0,62}\.)+([^\W\d_]{2,24})(?![\w-])")
_OWN_ENDINGS = frozenset(
    {
        "service", "socket", "timer", "target", "mount", "slice", "scope", "conf", "cfg",
        "log", "json", "toml", "yaml", "yml", "ini", "txt",
    }
)  # fmt: skip
# In which other sizes people write a figure: percents, milli, kilo and its binary relatives, minutes, hours, days.
_SIZES = (1.0, 100.0, 1e3, 1e6, 1e-3, 1e-6, 1e-9, 2.0**-10, 2.0**-20, 2.0**-30, 2.0**-40, 1 / 60, 1 / 3600, 1 / 86400)


@dataclass(frozen=True, slots=True)
class Ground:
    """What claims are held against. ``severities`` are by host: how bad things are there without any model."""

    evidence: Mapping[str, Evidence]
    causes: frozenset[str]
    proposals: Mapping[str, ProposedAction] = field(default_factory=lambda: MappingProxyType({}))
    severities: Mapping[str, Severity] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Claimed:
    """What stands of an answer, what was struck out, and the answer to a question in words."""

    findings: tuple[Hypothesis, ...] = ()
    struck: tuple[Struck, ...] = ()
    answer: str = ""


def claimed(told: Mapping[str, Json], ground: Ground) -> Claimed:
    """Return what holds of what a model ``told``."""
    findings: list[Hypothesis] = []
    struck: list[Struck] = []
    for raw in as_list(told.get("hypotheses"))[:HYPOTHESES_MOST]:
        claim = _Claim(as_object(raw))
        if fault := claim.fault(ground):
            struck.append(Struck(claim.words, fault))
            continue
        finding, fallen = claim.finding(ground)
        findings.append(finding)
        struck += fallen
    answer, fallen_answer = _answer(as_text(told.get("answer")), ground)
    return Claimed(tuple(likeliest(findings)), (*struck, *fallen_answer), answer)


class _Claim:
    """One hypothesis as a model wrote it."""

    def __init__(self, raw: Mapping[str, Json]) -> None:
        self._raw = raw
        self.title = plain(as_text(raw.get("title")), _TITLE_LIMIT).strip()
        self.cause = plain(as_text(raw.get("cause")), 60)
        self.words = plain(f"{self.title} ({self.cause})", _TITLE_LIMIT + 64)
        self.next_check = plain(as_text(raw.get("next_check")), _CHECK_LIMIT)
        self.backing = self._ids("evidence_for")
        self.doubts = self._ids("evidence_against")

    def fault(self, ground: Ground) -> str:
        """Return why the whole of it cannot stand, empty where it can."""
        return (
            self._fault_of_form(ground)
            or self._fault_of_ids(ground)
            or self._fault_of_figures(ground)
            or self._fault_of_prose(ground)
            or self._fault_of_order(ground)
        )

    def finding(self, ground: Ground) -> tuple[Hypothesis, list[Struck]]:
        """Return it as a hypothesis, and what of it was struck out."""
        host = plain(as_text(self._raw.get("host")), 253)
        proposal, fallen = self._proposal(ground, host)
        next_check, fallen_check = self._checked(ground)
        shown = [ground.evidence[id_] for id_ in self.backing]
        first = ground.evidence.get(as_text(self._raw.get("began_with")))
        begins = [piece.began_ms for piece in shown if piece.began_ms is not None and piece.host == host]
        made = Hypothesis(
            self.cause if self.cause in ground.causes else "other",
            self.title,
            host,
            round(min(self._confidence(), CONFIDENCE_MOST), 2),
            ground.severities.get(host, Severity.WARNING),
            self.backing,
            self.doubts,
            first.began_ms if first is not None and first.began_ms is not None else min(begins, default=None),
            (first or shown[0]).about,
            next_check,
            proposal,
        )
        return made, fallen + fallen_check

    def _fault_of_form(self, ground: Ground) -> str:
        if not self.title:
            return "it says nothing"
        if self.cause not in ground.causes and self.cause != "other":
            return "there is no such cause"
        if not 0.0 <= self._confidence() <= 1.0:
            return "its confidence is no probability"
        hosts = {piece.host for id_ in self.backing if (piece := ground.evidence.get(id_)) is not None}
        host = as_text(self._raw.get("host"))
        return "" if not self.backing or host in hosts else f"none of its evidence is of host {plain(host, 80)!r}"

    def _fault_of_ids(self, ground: Ground) -> str:
        if not self.backing:
            return "it cites no evidence"
        named = [*self.backing, *self.doubts, *self._effects(), *filter(None, [as_text(self._raw.get("began_with"))])]
        unknown = [id_ for id_ in named if id_ not in ground.evidence]
        return f"there is no evidence {plain(unknown[0], 20)}" if unknown else ""

    def _fault_of_figures(self, ground: Ground) -> str:
        cited = {*self.backing, *self.doubts}
        figures = [as_object(figure) for figure in as_list(self._raw.get("figures"))]
        for figure in figures:
            id_, name, value = as_text(figure.get("evidence")), as_text(figure.get("name")), figure.get("value")
            known = ground.evidence[id_].figure(name) if id_ in cited else None
            if known is None:
                return f"{plain(id_, 20)} has no figure {plain(name, 40)!r}, or is not cited"
            if not _is_number(value) or not is_same(known, float(value)):  # type: ignore[arg-type]
                return f"{id_} says {name} {known:g}, not {plain(str(value), 40)}"
        if not figures and any(_is_measured(ground.evidence[id_]) for id_ in self.backing):
            return "it cites no figure of its evidence"
        return ""

    def _fault_of_prose(self, ground: Ground) -> str:
        cited = self._cited(ground)
        if _steers(self.title, cited, ground) or _steers(self.next_check, cited, ground):
            return _STEERS
        strange = next(iter(_unshown(self.title, cited)), None)
        return "" if strange is None else f"it says {strange}, which none of its evidence shows"

    def _checked(self, ground: Ground) -> tuple[str, list[Struck]]:
        """Return what is to be checked next, empty where it names what is not shown: the finding stands without it."""
        strange = next(iter(_unshown(self.next_check, self._cited(ground))), None)
        if strange is None:
            return self.next_check, []
        why = f"it says {strange}, which none of its evidence shows"
        return "", [Struck(f"next check {plain(self.next_check, 120)} of {self.words}", why)]

    def _cited(self, ground: Ground) -> list[Evidence]:
        return [ground.evidence[id_] for id_ in (*self.backing, *self.doubts)]

    def _fault_of_order(self, ground: Ground) -> str:
        first = ground.evidence.get(as_text(self._raw.get("began_with")))
        if first is None or first.began_ms is None:
            return ""
        for id_ in self._effects():
            effect = ground.evidence[id_].began_ms
            if effect is not None and first.began_ms > effect + SLACK_MS:
                late = (first.began_ms - effect) // 1000
                return f"{first.id} began {late} s after {id_}, which it is said to have caused"
        return ""

    def _proposal(self, ground: Ground, host: str) -> tuple[ProposedAction | None, list[Struck]]:
        # Anything else than a text is as little an offer as a text that names none.
        raw = self._raw.get("proposal")
        id_ = raw if isinstance(raw, str) else "?" if raw else ""
        if not id_:
            return None, []
        offered = ground.proposals.get(id_)
        if offered is None:
            return None, [
                Struck(f"proposal {plain(str(raw), 80)} for {self.words}", "it is none of those that may be made")
            ]
        if offered.host != host:
            return None, [Struck(f"proposal {id_} for {self.words}", f"it is for host {offered.host!r}")]
        return offered, []

    def _confidence(self) -> float:
        value = self._raw.get("confidence")
        return float(value) if _is_number(value) else math.nan  # type: ignore[arg-type]

    def _effects(self) -> tuple[str, ...]:
        return self._ids("led_to")

    def _ids(self, name: str) -> tuple[str, ...]:
        told = [id_ if isinstance(id_, str) else "?" for id_ in as_list(self._raw.get(name))]
        return tuple(dict.fromkeys(id_.strip().strip("[]") for id_ in told))[:_CITED_MOST]


def _is_measured(piece: Evidence) -> bool:
    # That of an event or an alert is only how severe it is said to be.
    return bool(piece.figures) and piece.kind in _MEASURED


def _is_number(value: Json) -> bool:
    if isinstance(value, int):
        # A longer one is no float.
        return not isinstance(value, bool) and abs(value) <= _WHOLE_MOST
    return isinstance(value, float) and math.isfinite(value)


def _steers(text: str, cited: Sequence[Evidence], ground: Ground) -> bool:
    """Tell whether ``text`` holds a command, or an address that is neither a host's nor one that we measured ourselves."""
    if _STEERING.search(text):
        return True
    # What is logged is anybody's words: an address does not become ours by standing there.
    ours = " ".join(f"{piece.text} {piece.about}" for piece in cited if piece.kind in _MEASURED)
    known = {name.casefold() for name in (piece.host for piece in ground.evidence.values())}
    known |= {found[0].casefold() for found in _DOTTED.finditer(ours)}
    return any(
        found[1].casefold() not in _OWN_ENDINGS and found[0].casefold() not in known for found in _DOTTED.finditer(text)
    )


def _unshown(text: str, cited: Sequence[Evidence]) -> Iterable[str]:
    """Yield what of ``text`` has a digit in it and is neither in the words of what is ``cited`` nor one of its figures."""
    words = {word for piece in cited for word in _tokens(f"{piece.text} {piece.about} {piece.place} {piece.host}")}
    words |= {moment(piece.began_ms)[11:19] for piece in cited if piece.began_ms is not None}
    known = {abs(number) for word in words if (number := _number(word)) is not None}
    figures = [abs(figure.value) * size for piece in cited for figure in piece.figures for size in _SIZES]
    for token in _tokens(text):
        # Of a moment, the seconds may be left out; of a path, its beginning.
        if token in words or any(word.startswith(f"{token}:") or word.endswith(f"/{token}") for word in words):
            continue
        value = _number(token)
        if value is None or not _is_shown(abs(value), token, known, figures):
            yield token


def _is_shown(value: float, token: str, known: Iterable[float], figures: Iterable[float]) -> bool:
    # Written with few digits, a figure is rounded to them.
    digits = re.search(r"\.(\d+)", token)
    slack = 0.5 * 10 ** -(len(digits[1]) if digits else 0)
    return value in known or any(
        abs(figure - value) <= min(slack, value * 0.05) or is_same(figure, value) for figure in figures
    )


def _tokens(text: str) -> list[str]:
    return [token.strip(".:-+/").casefold() for token in _TOKEN.findall(text)]


def _number(token: str) -> float | None:
    found = _NUMBER.fullmatch(token)
    return None if found is None else float(found[1])


def _answer(text: str, ground: Ground) -> tuple[str, list[Struck]]:
    """Return the answer sentence by sentence: those that cite evidence which there is, and say no number that it does not show."""
    kept: list[str] = []
    struck: list[Struck] = []
    for sentence in _sentences(plain(text, _ANSWER_LIMIT)):
        cited = _CITATION.findall(sentence)
        unknown = [id_ for id_ in cited if id_ not in ground.evidence]
        pieces = [ground.evidence[id_] for id_ in cited if id_ in ground.evidence]
        strange = next(iter(_unshown(_CITATION.sub("", sentence), pieces)), None)
        if unknown:
            struck.append(Struck(sentence, f"there is no evidence {unknown[0]}"))
        elif _steers(sentence, pieces, ground):
            struck.append(Struck(sentence, _STEERS))
        elif not cited and sentence.strip() != NOT_TOLD:
            struck.append(Struck(sentence, "it cites no evidence"))
        elif strange is not None:
            struck.append(Struck(sentence, f"it says {strange}, which none of the evidence that it cites shows"))
        else:
            kept.append(sentence)
    return " ".join(kept), struck


def _sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?])\s+(?!\[E)", text) if sentence.strip()]


def likeliest(findings: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Return ``findings`` with each cause of a host once, the likeliest first."""
    best: dict[tuple[str, str, str], Hypothesis] = {}
    for one in sorted(findings, key=lambda one: -one.confidence):
        best.setdefault((one.cause, one.host, one.about if one.cause == "other" else ""), one)
    return list(best.values())
