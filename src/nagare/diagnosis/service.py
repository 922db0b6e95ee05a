"""The room of diagnoses: asks the tools, reasons, verifies, keeps."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.automatic import AlertDiagnoses
from nagare.diagnosis.evidence.asking import in_turn
from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground
from nagare.diagnosis.gathering import Gathered, gather
from nagare.diagnosis.investigators.reasoner import ModelReasoner, make_reasoner
from nagare.diagnosis.journal import SECONDS_MOST
from nagare.diagnosis.log.service import ModelLog
from nagare.diagnosis.offline import OfflineReasoner
from nagare.diagnosis.progress import Stage
from nagare.diagnosis.question import Neighbours, Question
from nagare.diagnosis.reach import hosts_of, tables_of
from nagare.diagnosis.reasoning import Case, Earlier, Reasoner
from nagare.diagnosis.redact import make_redactor
from nagare.diagnosis.store import DiagnosisStore, Kept, Wanted
from nagare.diagnosis.summary import perfdata_of, severity_of, summary_of
from nagare.diagnosis.turns import Turns
from nagare.diagnosis.verify import verify
from nagare.diagnosis.views import brief_view, diagnosis_view
from nagare.diagnosis.waiting import Waiting
from nagare.errors import DeadlineExceededError, InputError, NagareError, NotFoundError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.pages import PIECE_LIMIT, read_page
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.diagnosis import Diagnosis
from nagare.records.engine import Records
from nagare.wire.diagnosis import DiagnosisList, DiagnosisView, RatingView, with_rating

log = logging.getLogger(__name__)
_HOUSE_SECONDS = 3600.0
_TIDY_COUNT = 500
# Of a conversation, what a model is told of it: older turns are forgotten.
HISTORY_MOST = 6
# Queries of all diagnoses that the store has at one time: its queue is there for everybody.
_QUERIES_MOST = 4

T = TypeVar("T")
# Whether a caller may see a diagnosis.
Sees = Callable[[Kept], bool]


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
        self._clock = clock
        self._offline = OfflineReasoner(settings.pages_seconds)
        self.model_log = ModelLog(records, clock, settings.log_seconds)
        # What one would be told can be shown though there is none.
        self._previewer = make_reasoner(settings, self.model_log, clock)
        self._by_model = None if settings.provider == "none" else self._previewer
        self._redact: Callable[[str], str] = make_redactor(settings.redact)
        self._queries = asyncio.Semaphore(_QUERIES_MOST)
        self.counters = Counters()
        # A model takes minutes: those who ask one wait for each other, and nobody else for them.
        self._rules_turns, self._model_turns, self._preview_turns = (
            Turns(settings.concurrency, settings.waiting_limit, self.counters) for _ in range(3)
        )
        self.store = DiagnosisStore(records)
        self.waiting = Waiting(settings.queue_limit, self.counters)
        self._automatic = AlertDiagnoses(self.waiting, neighbours, self.diagnose, clock, self.counters)

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
            tasks.create_task(self._automatic.run(), name="diagnosis-alerts")
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
        seconds, turns = self._seconds(question), self._rules_turns
        if question.by_model:
            seconds, turns = seconds + self._model().seconds_most, self._model_turns
        question.progress.stage(Stage.WAITING)
        async with turns.taken(is_patient=question.is_patient):
            made = await self._in_time(self._made(question), seconds)
        self.counters.add("made")
        await self.store.add(made)
        return made.view

    async def get(self, id_: str, sees: Sees) -> DiagnosisView:
        """Return the diagnosis of that id. Raises NotFoundError, also for one that ``sees`` does not allow."""
        return (await self.get_kept(id_, sees)).view

    async def get_kept(self, id_: str, sees: Sees) -> Kept:
        """Return the diagnosis of that id with what it speaks of. Raises NotFoundError, as ``get`` does."""
        found = await self.store.find(id_)
        if found is None or not sees(found):
            raise NotFoundError(f"cannot find diagnosis {id_[:40]!r}: there is none of that id")
        return found

    async def history(self, last: DiagnosisView, sees: Sees) -> tuple[Earlier, ...]:
        """Return what was said in a conversation until ``last``, the oldest first, as far as ``sees`` allows."""
        found: list[Earlier] = []
        view: DiagnosisView | None = last
        while view is not None and len(found) < HISTORY_MOST:
            found.append(Earlier(view.question or "What is wrong?", view.answer or view.summary))
            kept = await self.store.find(view.previous) if view.previous else None
            view = kept.view if kept is not None and sees(kept) else None
        return tuple(reversed(found))

    async def rate(self, kept: Kept, rating: RatingView) -> DiagnosisView:
        """Keep with a diagnosis what somebody thinks of it, and return it. Raises NotFoundError where it was forgotten meanwhile."""
        if not await self.store.rate(kept.view.id, rating):
            raise NotFoundError(f"cannot rate diagnosis {kept.view.id!r}: there is none of that id")
        return with_rating(kept.view, rating)

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
        async with self._preview_turns.taken():
            return await self._in_time(self._previewed(question), self._seconds(question))

    async def _previewed(self, question: Question) -> list[tuple[str, str]]:
        return await self._previewer.preview(await self._case(question))

    def _seconds(self, question: Question) -> float:
        # Hosts are waited for beside what the store takes.
        return self._settings.deadline_seconds + (0.0 if question.journal is None else SECONDS_MOST)

    async def _in_time(self, work: Coroutine[object, object, T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError as error:
            raise DeadlineExceededError(f"cannot diagnose: not done within {seconds:g} s") from error

    def _model(self) -> ModelReasoner:
        if self._by_model is None:
            raise InputError(
                "cannot ask a model: none is configured", hint="set diagnosis.provider, or ask without a model"
            )
        return self._by_model

    async def _case(self, question: Question) -> Case:
        ground = Ground(
            in_turn(question.asker, self._queries),
            question.window,
            question.scope.host,
            is_shared=question.is_shared,
            links=self._settings.links,
        )
        ledger = Ledger(self._redact, self._settings.evidence_limit)
        gathered = await gather(ground, question.progress)
        return Case(
            question.scope,
            ground,
            gathered,
            ledger,
            uuid.uuid4().hex,
            question.asked_by,
            question.history,
            question.search,
            question.journal,
            question.progress,
        )

    async def _made(self, question: Question) -> Kept:
        started = self._clock.monotonic()
        window, scope = question.window, question.scope
        case = await self._case(question)
        gathered, ledger = case.gathered, case.ledger
        question.progress.stage(Stage.RULES)
        reasoner: Reasoner = self._model() if question.by_model else self._offline
        reasoned = await reasoner.reason(case)
        severity = severity_of(reasoned.findings, gathered)
        _tell_of_alerts(gathered, ledger)
        question.progress.stage(Stage.VERIFYING)
        verified = await verify(case.ground.asker, reasoned.findings, ledger.evidence)
        if verified.struck:
            severity = severity_of(verified.findings, gathered)
        if self._by_model is not None and reasoned.usage is not None:
            await self._by_model.judged(case, len(verified.findings), len(reasoned.struck) + len(verified.struck))
        seconds = self._clock.monotonic() - started
        left_out = (f"{ledger.left_out} pieces of evidence are left out: there was no room",) if ledger.left_out else ()
        made = Diagnosis(
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
            (*reasoned.notes, *gathered.notes, *verified.notes, *left_out),
            perfdata_of(verified.findings, gathered, seconds),
            question.asked_by,
            seconds,
            _conversation_of(question, case),
            reasoned.answer,
            "" if question.after is None else question.after.view.id,
        )
        hosts, tables = hosts_of(made, gathered, question.after), tables_of(made, gathered, question.after)
        return Kept(diagnosis_view(made), made.asked_at_ms, hosts, tables)

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
        return question.after.view.conversation or question.after.view.id
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
