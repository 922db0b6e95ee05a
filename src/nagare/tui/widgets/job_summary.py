"""One line of what matters about one job, so that it stays in sight on every tab."""

from __future__ import annotations

from textual.reactive import reactive

from nagare.lib.units import format_seconds
from nagare.tui.jobs.rows import agreed_text, arguments_text, ended_of, job_state, moment_ms
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.line import Line, Part
from nagare.wire.command_jobs import JobView


class JobSummary(Line):
    """State, how many hosts it has ended on, what runs, who asked, how old it is; what does not fit goes from the right."""

    DEFAULT_CSS = """
    JobSummary { background: $surface; }
    """

    standing: reactive[tuple[str, str]] = reactive(("", ""))
    facts: reactive[tuple[tuple[str, str], ...]] = reactive(())

    def tell(self, job: JobView | None, now_ms: int) -> None:
        """Take what matters of ``job``."""
        if job is None:
            self.standing, self.facts = ("", ""), ()
            return
        ended, total = ended_of(job)
        state = job_state(job)
        waits = " for a second person" if state == "pending" else ""
        self.standing = (state, f"{waits} {ended}/{total}")
        age = format_seconds(max(0, now_ms - (moment_ms(job.made_at) or now_ms)) // 1000)
        told = [(job.action, arguments_text(job)), ("by", job.requester), ("age", age), ("risk", job.risk)]
        told += [("agreed", agreed_text(job))] if agreed_text(job) else []
        told += [("stopped:", job.stopped)] if job.stopped else []
        told += [("why", job.why)] if job.why else []
        self.facts = tuple(told)

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the state and the facts."""
        palette = find_palette(self)
        state, told = self.standing
        if not state:
            return [Part(f" loading{palette.glyphs.more}", make_style(palette.muted))], []
        look = palette.state(state)
        parts = [Part(f" {look.glyph} {look.word}{told} ", look.style)]
        muted, plain_ = make_style(palette.muted), make_style(palette.foreground, bold=True)
        room = self.size.width - parts[0].width
        for label, text in self.facts:
            pair = [Part(f" {label} ", muted), Part(f"{text} " if text else "", plain_)]
            room -= sum(part.width for part in pair)
            if room < 0:
                break
            parts += pair
        return parts, []
