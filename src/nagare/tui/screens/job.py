"""One job: what became of it on each host, what each wrote, and the exact plan; live until it has ended.

One worker asks, follows and asks again, so that no more than one request is in flight. What comes is kept at once and
painted a few times a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from nagare.client.following import Cut, Resumed
from nagare.client.jobs.grouping import format_groups
from nagare.client.jobs.host_names import count_hosts
from nagare.client.jobs.plans import job_rows
from nagare.client.jobs.results import is_ended
from nagare.errors import NagareError, NotFoundError, PermissionDeniedError
from nagare.lib.plain_text import plain
from nagare.tui.connection import Reconnecting
from nagare.tui.job_verbs import JobVerbs
from nagare.tui.jobs.output import JobOutput
from nagare.tui.jobs.rows import COMMAND_COLUMNS, command_row, is_over, job_state
from nagare.tui.keymap import bindings_for
from nagare.tui.location import JOB_TABS, Location
from nagare.tui.screens.agreement import rows_table
from nagare.tui.screens.list_page import ListPage
from nagare.tui.widgets.filter_bar import FilterBar
from nagare.tui.widgets.job_summary import JobSummary
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.live_table_messages import RowSelected
from nagare.tui.widgets.output_view import OutputView
from nagare.tui.widgets.tab_bar import TabBar
from nagare.tui.work import start_work
from nagare.wire.command_jobs import JobLine, OutputLine, StateLine, with_commands

if TYPE_CHECKING:
    from nagare.client.following import Event
    from nagare.tui.live_model import Changes
    from nagare.wire.command_jobs import CommandView, JobView

_TITLES = (("hosts", "Hosts"), ("together", "Together"), ("plan", "Plan"))
# Grouping compares all that all hosts wrote.
_GROUP_SECONDS = 1.0


class JobPage(JobVerbs, Reconnecting, ListPage):
    """Everything about one job."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "jobs", "job", "output")
    BINDINGS = bindings_for(contexts)
    DEFAULT_CSS = """
    JobPage #tabs-hosts, JobPage #tabs-together, JobPage #tabs-plan { height: 1fr; width: 1fr; }
    JobPage #commands { height: auto; max-height: 45%; min-height: 4; width: 1fr; }
    JobPage OutputView { height: 1fr; width: 1fr; }
    JobPage #plan-rows { padding: 0 1; width: 1fr; }
    JobPage.-huge #tabs-hosts { layout: horizontal; }
    JobPage.-huge #commands { height: 1fr; max-height: 100%; border-top: solid $nagare-faint; }
    """

    def __init__(self, location: Location) -> None:
        """Begin at ``location``."""
        super().__init__(location)
        self._job: JobView | None = None
        self._commands: dict[str, CommandView] = {}
        self._output = JobOutput()
        self._cut = ""
        self._refusal = ""
        self._paint_timer: Timer | None = None
        self._grouped_at = -_GROUP_SECONDS
        self._line_filter = ""
        # Whether commands moved since the job was counted: many move at one time, and are counted when it is painted.
        self._is_moved = False

    def body(self) -> Iterable[Widget]:
        """Return summary, tabs and what stands below them."""
        yield JobSummary()
        yield TabBar()
        with Container(id="tabs-hosts"):
            yield LiveTable(COMMAND_COLUMNS, clock=self.top.clock, id="commands")
            yield OutputView(id="of-host")
        with Container(id="tabs-together"):
            yield OutputView(id="of-all")
        with VerticalScroll(id="tabs-plan"):
            yield Static(id="plan-rows")
        yield FilterBar()

    def table(self) -> LiveTable | None:
        """Return the list of hosts where it is shown."""
        return self.find_part(LiveTable) if self.location.tab == "hosts" else None

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return the breadcrumb."""
        name = f"{plain(self._job.action)} {self.location.job[:8]}" if self._job else self.location.job[:8]
        return (("commands", "screen.commands"), (name, ""))

    def on_mount(self) -> None:
        """Name the tabs; groups are read from their begin."""
        self.query_one("#of-all", OutputView).is_following = False
        self.query_one(TabBar).tabs = _TITLES

    def show(self, location: Location) -> None:
        """Show the job and the tab of ``location``."""
        is_other = location.job != self.location.job or self._job is None
        super().show(location)
        if is_other:
            self._job, self._commands, self._output, self._cut, self._refusal = None, {}, JobOutput(), "", ""
        self.call_after_refresh(self._show_tab)
        if is_other or not is_over(self._job_or_fail()):
            self._watch()

    def _job_or_fail(self) -> JobView:
        if self._job is None:
            raise RuntimeError("BUG: the job is asked for before it came")
        return self._job

    # Asking

    def _watch(self) -> None:
        start_work(self, partial(self._follow, self.location.job), "watch")

    async def _follow(self, job_id: str) -> None:
        try:
            calls = self.top.source.jobs()
            job = await calls.job(job_id)
            self.take_job(job)
            while not is_over(job):
                async with aclosing(calls.follow(job_id)) as events:
                    async for event in events:
                        self._take(event)
                job = await calls.job(job_id)
                self.take_job(job)
            if self._cut:
                self._cut = ""
        except (NotFoundError, PermissionDeniedError) as error:
            self._refusal = plain(f"{error.message}; {error.hint}" if error.hint else error.message)
        except NagareError as error:
            # The next connection, or the next look at this page, tries again.
            self._cut = plain(error.message)
        self._schedule()

    def _take(self, event: Event) -> None:
        match event:
            case Cut(reason):
                self._cut = plain(reason)
            case Resumed():
                self._cut = ""
            case OutputLine():
                self._output.take(event)
            case StateLine(command=command):
                self._take_state(command)
            case JobLine():
                pass
        self._schedule()

    def _take_state(self, command: CommandView) -> None:
        self._commands[command.host] = command
        if is_ended(command.state):
            self._output.end(command.host)
        self._is_moved = True

    def take_job(self, job: JobView) -> None:
        """Show a job as it is now; the output of what has ended is the server's."""
        if job.id != self.location.job:
            return  # another one is shown meanwhile
        if self._job is None:
            self._output = JobOutput(len(job.commands))
        self._job = job
        for command in job.commands:
            self._commands[command.host] = command
            if is_ended(command.state):
                self._output.settle(command)
        self._grouped_at = -_GROUP_SECONDS
        self._schedule()

    def update_live(self, changes: Changes) -> None:
        """Ask again when the server came back."""
        is_open = self._job is None or not is_over(self._job)
        if self.is_connected_anew(changes) and is_open and not self._refusal:
            self._watch()
        self._schedule()

    def on_screen_suspend(self) -> None:
        """Stop following once another page is shown; a dialogue over this one stops nothing."""
        if self.top.page is not self:
            self.workers.cancel_group(self, "watch")

    # Drawing

    def _schedule(self) -> None:
        """Have it painted when the next frame is due."""
        if self._paint_timer is None and self.is_ready:
            seconds = 1 / self.top.settings.top.frames_per_second
            self._paint_timer = self.set_timer(seconds, self._paint)

    def _paint(self) -> None:
        self._paint_timer = None
        self.redraw()
        self.top.refresh_frame()

    def tick(self) -> None:
        """Let ages tick."""
        self.redraw()

    def redraw(self) -> None:
        """Draw what the tab shows."""
        if not self.is_ready or self.find_part(JobSummary) is None:
            return
        if self._is_moved and self._job is not None:
            self._job = with_commands(self._job, list(self._commands.values()))
        self._is_moved = False
        now_ms = self.top.clock.now_ms()
        self.query_one(JobSummary).tell(self._job, now_ms)
        match self.location.tab:
            case "together":
                self._draw_together()
            case "plan":
                self._draw_plan()
            case _:
                self._draw_hosts(now_ms)

    def _draw_hosts(self, now_ms: int) -> None:
        table = self.query_one("#commands", LiveTable)
        table.store.replace({host: command_row(command, now_ms) for host, command in self._commands.items()})
        table.is_loading = self._job is None and not self._refusal
        table.empty_text = self._refusal or "this job has no host"
        table.sync()
        self.tell_matches()
        self._draw_output()

    def _draw_output(self) -> None:
        view, table = self.query_one("#of-host", OutputView), self.query_one("#commands", LiveTable)
        command = self._commands.get(table.cursor_key or "")
        title = f"Output of {plain(command.host)}" if command else "Output"
        view.tell(title, self._output.lines(command.host) if command else (), self._why_silent(command))

    def _why_silent(self, command: CommandView | None) -> str:
        if command is None:
            return self._refusal
        if command.state == "pending":
            return "it waits for a second person, and nothing left the server"
        return "it wrote nothing" if is_ended(command.state) else "it wrote nothing yet"

    def _draw_together(self) -> None:
        now = self.top.clock.monotonic()
        if self._job is None or now - self._grouped_at < _GROUP_SECONDS:
            return
        self._grouped_at = now
        lines = list(format_groups(self._output.groups(list(self._commands.values())), count_hosts))
        wanted = self._line_filter.casefold()
        shown = [line for line in lines if wanted in line.casefold()] if wanted else lines
        empty = "no line matches; Esc clears" if wanted else "nothing yet"
        self.query_one("#of-all", OutputView).tell("Equal output, told once", shown, empty)

    def _draw_plan(self) -> None:
        if self._job is not None:
            self.query_one("#plan-rows", Static).update(rows_table(job_rows(self._job), self.top.palette))

    def notice(self) -> tuple[str, str, str] | None:
        """Say that nothing comes for now, or what the job waits for."""
        if self._refusal:
            return "unknown", f"{self._refusal} · Esc goes back", "back"
        if self._cut or self.top.feed.can_retry:
            return (
                "down",
                f"nothing comes for now, the job goes on: {self._cut or self.model.connection.reason}",
                "retry",
            )
        if self._job is not None and job_state(self._job) == "pending":
            mine = self.why_not("job.approve")
            return "warn", mine or "it waits for a second person: a shows the plan and agrees, R refuses", "job.approve"
        return None

    # What a person does

    def chosen_job(self) -> JobView | None:
        """Return this job."""
        return self._job

    def targets(self) -> list[str]:
        """Return the marked hosts, else all of this job."""
        table = self.table()
        return [host for host in self._commands if table is None or not table.marks or host in table.marks]

    def host_at_cursor(self) -> str:
        """Return the host under the cursor."""
        table = self.table()
        return (table.cursor_key or "") if table is not None else ""

    def take_focus(self) -> None:
        """Give the keys to what the tab shows, unless something has them."""
        if self.focused is None and self.is_ready:
            wanted = {"hosts": "#commands", "together": "#of-all", "plan": "#tabs-plan"}
            for found in self.query(wanted[self.location.tab]):
                found.focus()

    def _show_tab(self) -> None:
        if self.find_part(JobSummary) is None:
            return  # the page went while this waited for its turn
        for tab in JOB_TABS:
            self.query_one(f"#tabs-{tab}").display = tab == self.location.tab
        self.query_one(TabBar).active = self.location.tab
        bar = self.filter_bar
        if bar is not None:
            bar.put(self.location.filter)
        self._grouped_at = -_GROUP_SECONDS
        self.apply_filter(self.location.filter)
        self.set_focus(None)
        self.take_focus()
        self.redraw()
        self.top.refresh_frame()

    def can(self, action: str) -> bool:
        """Output has a filter, too."""
        if action == "filter":
            return self.location.tab != "plan"
        if action.startswith("output."):
            return isinstance(self.focused, OutputView)
        return super().can(action)

    def run_widget_action(self, action_id: str) -> None:
        """Have the focused output do what its own key would."""
        view = self.focused
        if isinstance(view, OutputView) and action_id in _OUTPUT_METHODS:
            method, arguments = _OUTPUT_METHODS[action_id]
            getattr(view, method)(*arguments)
            return
        super().run_widget_action(action_id)

    def apply_filter(self, text: str) -> None:
        """Filter hosts, or lines where lines are shown."""
        if self.location.tab == "together":
            self._line_filter, self._grouped_at = text, -_GROUP_SECONDS
            self.redraw()
            return
        super().apply_filter(text)

    def on_filter_bar_left(self) -> None:
        """Give the keys back to what the tab shows."""
        self.set_focus(None)
        self.take_focus()

    def step_back(self) -> bool:
        """Clear the filter of lines as that of hosts."""
        return self.clear_filter() if self.location.tab == "together" else super().step_back()

    def value_to_copy(self) -> str:
        """Return what the focused output holds, else the host under the cursor."""
        view = self.focused
        return "\n".join(view.lines) if isinstance(view, OutputView) else super().value_to_copy()

    def on_live_table_row_highlighted(self) -> None:
        """The output follows the cursor."""
        self.query_one("#of-host", OutputView).is_following = True
        self._draw_output()

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go to the host."""
        await self.top.go(self.location.with_host(message.key))

    async def do_job_tab_next(self) -> None:
        """Show the next tab."""
        self._step_tab(1)

    async def do_job_tab_previous(self) -> None:
        """Show the previous tab."""
        self._step_tab(-1)

    def _step_tab(self, step: int) -> None:
        self._choose_tab(JOB_TABS[(JOB_TABS.index(self.location.tab) + step) % len(JOB_TABS)])

    def _choose_tab(self, tab: str) -> None:
        self.set_location(tab=tab, filter="", sort="")
        self._show_tab()

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """Show the tab that was clicked."""
        self._choose_tab(message.tab)


_OUTPUT_METHODS = {
    "output.follow": ("action_toggle_follow", ()),
    "output.up": ("action_move", (-1,)),
    "output.down": ("action_move", (1,)),
    "output.page_up": ("action_page", (-1,)),
    "output.page_down": ("action_page", (1,)),
    "output.first": ("action_first", ()),
    "output.last": ("action_last", ()),
    "output.left": ("action_sideways", (-1,)),
    "output.right": ("action_sideways", (1,)),
}
