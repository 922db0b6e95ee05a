"""Asking for a diagnosis from its screen: one at a time, how far it is shows at once, and who cancels ends it at the server too."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.diagnosis.rows import about_text
from nagare.tui.diagnosis.running import Failed, Running
from nagare.tui.diagnosis_verbs import DiagnosisVerbs, request_for
from nagare.tui.location import Location, Window
from nagare.tui.work import start_work
from nagare.wire.diagnosis import FoundLine

if TYPE_CHECKING:
    from nagare.wire.diagnosis import DiagnoseRequest, DiagnosisView

# While nobody chose a time: as far back as the command line looks.
_USUAL = Window(3600)


class DiagnosisAsks(DiagnosisVerbs):
    """Mixed into the page of diagnoses."""

    def __init__(self, location: Location) -> None:
        """Begin with nothing asked."""
        super().__init__(location)
        self._under_way: Running | None = None
        self._fault: Failed | None = None
        # Whether the pane shows what is being made, or what became of it, rather than the diagnosis of the address.
        self._is_watching = False
        self._usual = _USUAL

    @property
    def is_watched(self) -> bool:
        """Whether something is being made, and shown."""
        return self._is_watching and self._under_way is not None

    def draw_soon(self) -> None:
        """Have it painted when the next frame is due."""
        raise NotImplementedError

    def show_answer(self, view: DiagnosisView) -> None:
        """Open what was found, where it was waited for."""
        raise NotImplementedError

    def diagnose(self, subject: tuple[str, str], window: Window | None) -> None:
        """Ask what is wrong with a host or an alert, or with the fleet; None for the usual time."""
        if self.location.window.is_fitted:
            self._usual = window or _USUAL
        self.begin(request_for(subject, window or _USUAL))

    def begin(self, request: DiagnoseRequest) -> None:
        """Ask, and show how far it is."""
        if self._under_way is not None:
            self.top.say(f"{self._under_way.about} is being looked into: one at a time, c cancels it")
        else:
            by_model = request.model or bool(request.question)
            now_ms = self.top.clock.now_ms()
            self._under_way = Running(self._named(request), now_ms, plain(request.question), by_model)
            self._fault = None
            start_work(self, partial(self._follow, request, self._under_way), "diagnose")
        self._is_watching = True
        self.redraw()
        self.set_focus(None)
        self.take_focus()

    def _named(self, request: DiagnoseRequest) -> str:
        alert = self.model.alerts.get(request.alert)
        return plain(f"alert {alert.name}", 80) if alert is not None else about_text(request.host, request.alert)

    async def _follow(self, request: DiagnoseRequest, running: Running) -> None:
        found: DiagnosisView | None = None
        failed: Failed | None = None
        try:
            async with aclosing(self.top.source.diagnoses().follow(request)) as lines:
                async for line in lines:
                    if isinstance(line, FoundLine):
                        found = line.diagnosis
                    else:
                        running.take(line)
                        self.draw_soon()
        except NagareError as error:
            failed = Failed(running.about, error.message, error.hint)
        if self._under_way is running:
            self._under_way, self._fault = None, failed
        if found is not None:
            self.show_answer(found)
        if self.top.page is not self:
            told = f"no answer about {running.about}" if found is None else f"{found.verdict}: {found.summary[:80]}"
            self.top.say(plain(told), "7 shows it")
        self.redraw()

    def do_diagnosis_stop(self) -> None:
        """End what is being made: the connection closes, and the server ends its work with it."""
        if self._under_way is None:
            return
        self._fault = Failed(self._under_way.about, "", is_cancelled=True)
        self._under_way, self._is_watching = None, True
        self.workers.cancel_group(self, "diagnose")
        self.redraw()
