"""The action table, and everything that must agree with it: bindings, methods, footer, help, palette and page."""

# ruff: noqa: TID253  these tests look at bindings of textual itself

import pytest
from textual.binding import Binding
from textual.widget import Widget

from nagare.config.terminal import TopSettings
from nagare.errors import ConfigError
from nagare.tui.actions import ACTIONS, CONTEXTS, WIDGET_CONTEXTS, actions_in
from nagare.tui.app import TopApp
from nagare.tui.keymap import bindings_for, check_keys, key_label, keys_of
from nagare.tui.screens.alerts import AlertsPage
from nagare.tui.screens.commands import CommandsPage
from nagare.tui.screens.diagnose import DiagnosePage
from nagare.tui.screens.help import help_actions
from nagare.tui.screens.host import HostPage
from nagare.tui.screens.hosts import HostsPage
from nagare.tui.screens.job import JobPage
from nagare.tui.screens.network import NetworkPage
from nagare.tui.screens.notify.heartbeats import HeartbeatsPage
from nagare.tui.screens.notify.incident import DeliveriesPage, IncidentPage
from nagare.tui.screens.notify.incidents import IncidentsPage
from nagare.tui.screens.notify.notifications import NotificationsPage
from nagare.tui.screens.notify.routes import RoutesPage
from nagare.tui.screens.notify.timeline import TimelinePage
from nagare.tui.screens.overview import OverviewPage
from nagare.tui.screens.page import Page
from nagare.tui.screens.query import QueryPage
from nagare.tui.screens.rules import RulesPage
from nagare.tui.screens.schedules import SchedulesPage
from nagare.tui.screens.shells import ShellsPage
from nagare.tui.screens.silences import SilencesPage
from nagare.tui.screens.tasks import TasksPage
from nagare.tui.verbs import AppVerbs
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.live_table import LiveTable
from nagare.tui.widgets.network_map import NetworkMap
from nagare.tui.widgets.output_view import OutputView
from nagare.tui.widgets.time_chart import TimeChart

PAGES = (
    OverviewPage,
    HostsPage,
    HostPage,
    NetworkPage,
    CommandsPage,
    JobPage,
    TasksPage,
    SchedulesPage,
    AlertsPage,
    SilencesPage,
    RulesPage,
    IncidentsPage,
    IncidentPage,
    DeliveriesPage,
    TimelinePage,
    NotificationsPage,
    RoutesPage,
    HeartbeatsPage,
    QueryPage,
    DiagnosePage,
    ShellsPage,
)
_WIDGETS: tuple[tuple[type[Widget], tuple[str, ...]], ...] = (
    (LiveTable, ("table",)), (HeatGridView, ("grid",)), (TimeChart, ("chart", "crosshair")),
    (OutputView, ("output",)), (NetworkMap, ("map",)),
)  # fmt: skip


def _bound(bindings: object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for binding in bindings if isinstance(bindings, list) else []:
        assert isinstance(binding, Binding)
        assert binding.id is not None
        found.setdefault(binding.id, set()).update(binding.key.split(","))
    return found


def test_the_table_is_whole() -> None:
    assert all(action.where in CONTEXTS for action in ACTIONS.values())
    assert all(action.label and action.tooltip for action in ACTIONS.values())
    assert {action.where for action in ACTIONS.values()} == set(CONTEXTS)


@pytest.mark.parametrize("page", [Page, *PAGES])
def test_a_page_binds_exactly_what_the_table_says(page: type[Page]) -> None:
    wanted = actions_in(page.contexts) if page is not Page else actions_in(["app"])
    expected = {action.id: set(action.keys) for action in wanted if action.keys and action.where not in WIDGET_CONTEXTS}
    assert _bound(page.BINDINGS) == expected


@pytest.mark.parametrize(("widget", "contexts"), _WIDGETS)
def test_a_widget_binds_exactly_what_the_table_says(widget: type[Widget], contexts: tuple[str, ...]) -> None:
    own = {action.id: set(action.keys) for action in actions_in(contexts) if action.id != "time.compare"}
    assert _bound(widget.BINDINGS) == own


def test_every_action_is_done_by_somebody() -> None:
    for action in ACTIONS.values():
        homes = [AppVerbs, *(page for page in PAGES if action.where in page.contexts)]
        by_widget = action.where in ("table", "grid", "map", "chart", "crosshair", "output", "shell")
        assert by_widget or any(hasattr(home, action.method) for home in homes), action.id


def test_every_method_of_an_action_stands_in_the_table() -> None:
    methods = {action.method for action in ACTIONS.values()}
    for home in (AppVerbs, TopApp, *PAGES):
        assert {name for name in dir(home) if name.startswith("do_")} <= methods


@pytest.mark.parametrize("page", PAGES)
def test_help_explains_every_key_of_a_page(page: type[Page]) -> None:
    explained = {action.id for action in help_actions(page.contexts)}
    widgets = {action.id for action in actions_in(page.contexts) if action.keys}
    assert set(_bound(page.BINDINGS)) | set(_bound(Page.BINDINGS)) | widgets == explained


def test_keys_of_ones_own() -> None:
    assert check_keys({}) == {}
    walked = dict.fromkeys(("table.left", "grid.left", "map.left", "output.left"), "left")
    taken = {"screen.hosts": "2,h", **walked, "quit": "ctrl+q"}
    assert check_keys({"screen.hosts": "2, h", "quit": "ctrl+q"}) == taken
    assert check_keys({"filter": "/"}) == {"filter": "slash"}
    assert keys_of(ACTIONS["quit"], {"quit": ""}) == ()


def _check_refused(own: dict[str, str], *parts: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_keys(own)
    for part in parts:
        assert part in f"{caught.value.message} {caught.value.hint}"


def test_keys_that_cannot_be() -> None:
    _check_refused({"scren.hosts": "h"}, "'scren.hosts'", "did you mean 'screen.hosts'?")
    _check_refused({"quit": "1"}, "'1'", "'screen.overview'", "'quit'")
    _check_refused({"table.sort": "1"}, "'1'", "'screen.overview'")
    # Pages about hosts and pages about commands are never the same.
    assert check_keys({"job.cancel": "p"})["job.cancel"] == "p"
    _check_refused({"tab.next": "e"}, "'export'")


def test_the_table_itself_has_no_clash() -> None:
    whole = {action.id: ",".join(action.keys) for action in ACTIONS.values() if action.keys}
    assert check_keys(whole) == whole


def test_the_example_in_the_settings_holds() -> None:
    example = TopSettings.__dataclass_fields__["keys"].metadata["text"]
    assert '"screen.hosts" = "2,h"' in example
    assert check_keys({"screen.hosts": "2,h"})["screen.hosts"] == "2,h"


def test_keys_read_as_they_stand_on_a_keyboard() -> None:
    expected = {
        "question_mark": "?", "ctrl+p": "Ctrl+P", "shift+left": "⇧←", "O": "O", "o": "o", "f1": "F1", "plus": "+",
        "escape": "Esc", "left_square_bracket": "[", "1": "1", "pagedown": "PgDn",
    }  # fmt: skip
    assert {key: key_label(key) for key in expected} == expected


def test_bindings_carry_ids_so_that_they_can_be_remapped() -> None:
    assert all(isinstance(binding, Binding) and binding.id for binding in bindings_for(CONTEXTS))
