"""What may be done with a diagnosis: asking anew, with a model or in words, following its evidence, its proposal, a word on it.

Nothing here runs anything on a host: a proposal is filled into the form of commands, with all that its risk demands.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from nagare.client.diagnosis_text import command_of, evidence_text
from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.diagnosis.places import AlertPlace, CommandPlace, HostPlace, place_of
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.location import Location, Window
from nagare.tui.marks.going import open_alert
from nagare.tui.screens.page import Page
from nagare.tui.work import start_work
from nagare.wire.diagnosis import DiagnoseRequest, RatingRequest

if TYPE_CHECKING:
    from nagare.wire.diagnosis import DiagnosisView, EvidenceView, FindingView

# What the server takes: from a minute to 31 days.
_SPAN_LIMITS_SECONDS = (60.0, 31 * 86400.0)
# Findings with a proposal that can be chosen by a digit.
_PROPOSALS_MOST = 9


def request_for(subject: tuple[str, str], window: Window) -> DiagnoseRequest:
    """Return the question what is wrong with ``subject`` (a host, an alert) in ``window``."""
    host, alert = subject
    least, most = _SPAN_LIMITS_SECONDS
    seconds = min(max(float(window.span_seconds), least), most)
    return DiagnoseRequest(host, alert, seconds, window.moment_ms)


class DiagnosisVerbs(Page):
    """Mixed into the page that has diagnoses."""

    @property
    def view(self) -> DiagnosisView | None:
        """The diagnosis that is open."""
        raise NotImplementedError

    def chosen_evidence(self) -> EvidenceView | None:
        """Return the piece of evidence under the cursor."""
        raise NotImplementedError

    def begin(self, request: DiagnoseRequest) -> None:
        """Ask, and show how far it is."""
        raise NotImplementedError

    def take_view(self, view: DiagnosisView) -> None:
        """Show a diagnosis as it is now."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Propose what is proposed, judge what is open."""
        if action == "diagnosis.propose":
            return bool(self._proposed())
        if action in ("diagnosis.helped", "diagnosis.useless", "diagnosis.model"):
            return self.view is not None
        return super().can(action)

    def _same_again(self, *, model: bool, question: str = "") -> DiagnoseRequest:
        """Return the question that the open diagnosis answers, of the same window; of the whole fleet where none is open."""
        view = self.view
        if view is None:
            request = request_for(("", ""), self.window)
            return DiagnoseRequest("", "", request.since_seconds, request.until_ms, model=model, question=question)
        until_ms = moment_ms(view.until_at)
        from_ms = moment_ms(view.from_at)
        span = (
            Window(3600)
            if until_ms is None or from_ms is None
            else Window(round((until_ms - from_ms) / 1000), until_ms)
        )
        request = request_for((view.host if not view.alert else "", view.alert), span)
        after = view.id if question else ""
        return DiagnoseRequest(
            request.host,
            request.alert,
            request.since_seconds,
            request.until_ms,
            model=model,
            question=question,
            after=after,
        )

    def do_diagnosis_model(self) -> None:
        """Ask the same once more, and the model too."""
        self.begin(self._same_again(model=True))

    def ask_in_words(self, question: str) -> None:
        """Ask a question about the open diagnosis, or about the fleet."""
        self.begin(self._same_again(model=True, question=question))

    # Evidence

    async def open_evidence(self, piece: EvidenceView) -> None:
        """Go where a piece of evidence leads, at its time."""
        place = place_of(piece, self.model.hosts, self.top.clock.now_ms())
        match place:
            case HostPlace():
                await self._open_host(place, piece)
            case AlertPlace(alert_id):
                await open_alert(self.top, alert_id)
            case CommandPlace(command_id):
                await self._open_command(command_id, piece)
            case _:
                await self._show_text(piece)

    async def _open_host(self, place: HostPlace, piece: EvidenceView) -> None:
        at_ms = None if place.at_ms is None else place.at_ms // 1000 * 1000
        await self.top.go(Location("host", place.host, place.tab, window=replace(place.window, at_ms=at_ms)))
        if place.tab == "events":
            self.top.page.point_at(str(piece.params.get("id", "")))

    async def _open_command(self, command_id: str, piece: EvidenceView) -> None:
        try:
            job = await self.top.source.diagnoses().job_of(command_id)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
            return
        if job:
            await self.top.go(self.location.with_job(job))
        else:
            await self._show_text(piece)

    async def _show_text(self, piece: EvidenceView) -> None:
        from nagare.tui.alerts.told import SheetRow  # noqa: PLC0415  loaded when shown
        from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

        rows = [SheetRow("", line) for line in evidence_text(piece).split("\n")]
        await self.app.push_screen(Sheet(f"Evidence {plain(piece.id)}", rows))

    # The proposal

    def _proposed(self) -> list[FindingView]:
        view = self.view
        return [] if view is None else [one for one in view.findings if one.proposal is not None][:_PROPOSALS_MOST]

    def do_diagnosis_propose(self) -> None:
        """Fill the form of commands in with what is proposed; what to run is still asked, as its risk wants it."""
        start_work(self, self._propose, "propose")

    async def _propose(self) -> None:
        from nagare.tui.composing import compose_proposal  # noqa: PLC0415  loaded when shown

        view, found = self.view, self._proposed()
        if view is None or not found:
            return
        chosen = found[0] if len(found) == 1 else await self._choose(found)
        if chosen is not None and chosen.proposal is not None:
            why = f"diagnosis {plain(view.id)[:8]}: {plain(chosen.title, 120)}"
            compose_proposal(self.top, chosen.proposal, why)

    async def _choose(self, found: list[FindingView]) -> FindingView | None:
        from nagare.tui.alerts.told import SheetRow  # noqa: PLC0415  loaded when shown
        from nagare.tui.screens.sheet import Sheet  # noqa: PLC0415  loaded when shown

        rows, ways = [], []
        for number, one in enumerate(found, 1):
            rows.append(
                SheetRow(
                    str(number), f"{command_of(one.proposal) if one.proposal else ''} for: {plain(one.title, 120)}"
                )
            )
            ways.append((str(number), ""))
        key = await self.app.push_screen_wait(Sheet("Which proposal?", rows, ways))
        return found[int(key) - 1] if key.isdecimal() else None

    # A word on it

    def do_diagnosis_helped(self) -> None:
        """Say that it helped."""
        self._rate("up", "It helped", "rated: it helped")

    def do_diagnosis_useless(self) -> None:
        """Say that it was wrong, or of no use."""
        self._rate("down", "It did not help", "rated: it did not help")

    def _rate(self, verdict: str, title: str, said: str) -> None:
        view = self.view
        if view is not None:
            start_work(self, partial(self._rated, view, verdict, title, said), "rate", exclusive=False)

    async def _rated(self, view: DiagnosisView, verdict: str, title: str, said: str) -> None:
        from nagare.tui.screens.agreement import Agreement, Question  # noqa: PLC0415  loaded when shown

        rows = (PlanRow("diagnosis", (f"{plain(view.verdict)}: {plain(view.summary, 120)}",), is_prose=True),)
        question = Question(title, rows, "keep it", reason="a word why, if you like", is_optional=True)
        word = await self.app.push_screen_wait(Agreement(question))
        if word is None:
            return
        try:
            request = RatingRequest("up" if verdict == "up" else "down", word)
            self.take_view(await self.top.source.diagnoses().rate(view.id, request))
            self.top.say(said)
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
