"""The room of diagnoses: asks the tools, reasons, verifies, keeps."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.gathering import Gathered, gather
from nagare.diagnosis.investigators.reasoner import ModelReasoner, make_reasoner
from nagare.diagnosis.log.service import ModelLog
from nagare.diagnosis.offline import OfflineReasoner
from nagare.diagnosis.reasoning import Case, Earlier, Reasoner, Search
from nagare.diagnosis.redact import make_redactor
from nagare.diagnosis.store import DiagnosisStore, Kept, Wanted
from nagare.diagnosis.summary import perfdata_of, severity_of, summary_of
from nagare.diagnosis.verify import verify
from nagare.diagnosis.views import brief_view, diagnosis_view
from nagare.diagnosis.waiting import Waiting
from nagare.errors import DeadlineExceededError, InputError, NagareError, NotFoundError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.pages import PIECE_LIMIT, read_page
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.diagnosis import Diagnosis, Scope
from nagare.records.engine import Records
from nagare.wire.diagnosis import DiagnosisList, DiagnosisView

log = logging.getLogger(__name__)
_HOUSE_SECONDS = 3600.0
_TIDY_COUNT = 500
_BY_ITSELF = "nagare"
# Of a conversation, what a model is told of it: older turns are forgotten.
HISTORY_MOST = 6
# Of an alert, the trouble is looked for from so long before its condition held.
ALERT_BEFORE_MS = 1_800_000


# Whether a caller may see a diagnosis.
Sees = Callable[[Kept], bool]


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
    after: DiagnosisView | None = None
    search: Search | None = None
    history: tuple[Earlier, ...] = ()


class Diagnoses:
    """The room; ``run`` diagnoses critical alerts and forgets what is old, until cancelled."""

    def __init__(
        self,
        records: Records,
        settings: DiagnosisSettings,
        neighbours: Neighbours,
        clock: Clock,
    ) -> None:
        """Prepare. Raises ConfigError for a pattern of ``diagnosis.redact`` that is none."""
        self._settings = settings
        self._neighbours = neighbours
        self._clock = clock
        self._offline = OfflineReasoner()
        self.model_log = ModelLog(records, clock, settings.log_seconds)
        # What one would be told can be shown though there is none.
        self._previewer = make_reasoner(settings, self.model_log, clock)
        self._by_model = None if settings.provider == "none" else self._previewer
        self._redact: Callable[[str], str] = make_redactor(settings.redact)
        self._turns = asyncio.Semaphore(settings.concurrency)
        # A model takes minutes: those who ask one wait for each other, and nobody else for them.
        self._model_turns = asyncio.Semaphore(settings.concurrency)
        self._waits = 0
        self.store = DiagnosisStore(records)
        self.counters = Counters()
        self.waiting = Waiting(settings.queue_limit, self.counters)

    async def __aenter__(self) -> Self:
        """Enter; nothing is read before it is asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave; everything is written already."""

    async def run(self) -> None:
        """Diagnose critical alerts as they come, and keep house, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._diagnose_alerts(), name="diagnosis-alerts")
            tasks.create_task(self._keep_house(), name="diagnosis-house")
            tasks.create_task(self.model_log.run(), name="diagnosis-model-log")

    def alert_fired(self, alert_id: str) -> None:
        """Have a critical alert diagnosed soon, unless the settings say no."""
        if self._settings.automatic:
            self.waiting.put(alert_id)

    async def diagnose(self, question: Question) -> DiagnosisView:
        """Return what is wrong, and keep it.

        Raises OverloadedError, DeadlineExceededError, StorageError, and InputError where no model is configured to be asked.
        """
        if question.by_model:
            self._model()
        if self._waits >= self._settings.waiting_limit:
            self.counters.add("refused")
            raise OverloadedError("cannot diagnose: too many diagnoses wait already", hint="ask again in a few seconds")
        self._waits += 1
        seconds, turns = self._settings.deadline_seconds, self._turns
        if question.by_model:
            seconds, turns = seconds + self._settings.total_seconds, self._model_turns
        try:
            async with asyncio.timeout(seconds), turns:
                made = await self._made(question)
        except TimeoutError as error:
            raise DeadlineExceededError(f"cannot diagnose: not done within {seconds:g} s") from error
        finally:
            self._waits -= 1
        self.counters.add("made")
        view = diagnosis_view(made)
        await self.store.add(Kept(view, made.asked_at_ms, _hosts_of(made), _tables_of(made)))
        return view

    async def get(self, id_: str, sees: Sees) -> DiagnosisView:
        """Return the diagnosis of that id. Raises NotFoundError, also for one that ``sees`` does not allow."""
        found = await self.store.find(id_)
        if found is None or not sees(found):
            raise NotFoundError(f"cannot find diagnosis {id_[:40]!r}: there is none of that id")
        return found.view

    async def history(self, last: DiagnosisView, sees: Sees) -> tuple[Earlier, ...]:
        """Return what was said in a conversation until ``last``, the oldest first, as far as ``sees`` allows."""
        found: list[Earlier] = []
        view: DiagnosisView | None = last
        while view is not None and len(found) < HISTORY_MOST:
            found.append(Earlier(view.question or "What is wrong?", view.answer or view.summary))
            kept = await self.store.find(view.previous) if view.previous else None
            view = kept.view if kept is not None and sees(kept) else None
        return tuple(reversed(found))

    async def remove(self, id_: str) -> None:
        """Forget a diagnosis."""
        await self.store.remove(id_)

    async def find_all(self, wanted: Wanted, page: str, limit: int, sees: Sees) -> DiagnosisList:
        """Return diagnoses, the newest first, as far as ``sees`` allows. Raises InputError for a page that is none."""

        async def seen(rows: Sequence[Kept]) -> list[Kept]:
            return [kept for kept in rows if sees(kept)]

        read = partial(self.store.find_all, wanted, limit=PIECE_LIMIT)
        shown, following = await read_page(
            _place_of(page), limit, read, seen, lambda kept: (kept.asked_ms, kept.view.id)
        )
        return DiagnosisList([brief_view(kept.view) for kept in shown], following)

    async def preview(self, question: Question) -> list[tuple[str, str]]:
        """Return what a model would be told first, by who asks it, and send nothing. Raises OverloadedError, DeadlineExceededError."""
        try:
            async with asyncio.timeout(self._settings.deadline_seconds), self._turns:
                return await self._previewer.preview(await self._case(question))
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"cannot show prompts: not done within {self._settings.deadline_seconds:g} s"
            ) from error

    def _model(self) -> ModelReasoner:
        if self._by_model is None:
            raise InputError(
                "cannot ask a model: none is configured", hint="set diagnosis.provider, or ask without a model"
            )
        return self._by_model

    async def _case(self, question: Question) -> Case:
        ground = Ground(question.asker, question.window, question.scope.host)
        ledger = Ledger(self._redact, self._settings.evidence_limit)
        gathered = await gather(ground)
        return Case(
            question.scope,
            ground,
            gathered,
            ledger,
            uuid.uuid4().hex,
            question.asked_by,
            question.history,
            question.search,
        )

    async def _made(self, question: Question) -> Diagnosis:
        started = self._clock.monotonic()
        window, scope = question.window, question.scope
        case = await self._case(question)
        gathered, ledger = case.gathered, case.ledger
        reasoner: Reasoner = self._model() if question.by_model else self._offline
        reasoned = await reasoner.reason(case)
        severity = severity_of(reasoned.findings, gathered)
        _tell_of_alerts(gathered, ledger)
        verified = await verify(question.asker, reasoned.findings, ledger.evidence)
        if verified.struck:
            severity = severity_of(verified.findings, gathered)
        if self._by_model is not None and reasoned.usage is not None:
            await self._by_model.judged(case, len(verified.findings), len(reasoned.struck) + len(verified.struck))
        seconds = self._clock.monotonic() - started
        left_out = (f"{ledger.left_out} pieces of evidence are left out: there was no room",) if ledger.left_out else ()
        return Diagnosis(
            case.id,
            self._clock.now_ms(),
            scope,
            window.from_ms,
            window.until_ms,
            severity,
            plain(self._redact(summary_of(severity, verified.findings, gathered)), 400),
            verified.findings,
            ledger.evidence,
            (*reasoned.struck, *verified.struck),
            reasoned.usage,
            (*reasoned.notes, *gathered.notes, *left_out),
            perfdata_of(verified.findings, gathered, seconds),
            question.asked_by,
            seconds,
            _conversation_of(question, case),
            reasoned.answer,
            "" if question.after is None else question.after.id,
        )

    async def _diagnose_alerts(self) -> None:
        while True:
            alert_id = await self.waiting.get()
            try:
                await self._diagnose_alert(alert_id)
            except NotFoundError:
                # It is forgotten already.
                continue
            except NagareError as error:
                self.counters.add("automatic_failed")
                log.warning("alert_not_diagnosed: %s", error.message)

    async def _diagnose_alert(self, alert_id: str) -> None:
        host, began_ms = await self._neighbours.alert_of(alert_id)
        now_ms = self._clock.now_ms()
        window = Window(min(began_ms, now_ms) - ALERT_BEFORE_MS, now_ms)
        scope = Scope(host, alert_id)
        await self.diagnose(Question(scope, window, self._neighbours.own_sight(), _BY_ITSELF))
        self.counters.add("automatic")

    async def _keep_house(self) -> None:
        while True:
            before_ms = self._clock.now_ms() - round(self._settings.kept_seconds * 1000)
            try:
                while await self.store.forget(before_ms, _TIDY_COUNT) == _TIDY_COUNT:
                    pass
            except NagareError as error:
                log.warning("diagnoses_not_tidied: %s", error.message)
            await self._clock.sleep(_HOUSE_SECONDS)


def _conversation_of(question: Question, case: Case) -> str:
    if question.after is not None:
        return question.after.conversation or question.after.id
    return case.id if question.scope.question else ""


def _place_of(page: str) -> tuple[int, str] | None:
    if not page:
        return None
    at_ms, _, id_ = page.partition(".")
    if not (at_ms.isascii() and at_ms.isdigit()) or len(at_ms) > 15 or not id_:
        cause = "must be next of the answer before"
        raise InputError(f"cannot list diagnoses: page {cause}", errors=[{"parameter": "page", "detail": cause}])
    return int(at_ms), id_


def _tell_of_alerts(gathered: Gathered, ledger: Ledger) -> None:
    for host in ("", *gathered.facts.hosts):
        ledger.ids(gathered.facts.of(host, "alerts")[:10])


def _hosts_of(made: Diagnosis) -> frozenset[str]:
    named = {made.scope.host, *(one.host for one in made.findings), *(piece.host for piece in made.evidence)}
    return frozenset(named - {""})


def _tables_of(made: Diagnosis) -> frozenset[str]:
    kinds = {piece.kind.value for piece in made.evidence}
    return frozenset(
        {"alert": "alerts", "event": "events", "command": "commands"}[kind]
        for kind in kinds & {"alert", "event", "command"}
    )
