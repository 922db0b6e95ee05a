"""The live table as a person uses it: keys, mouse, filter, freezing, sizes, themes."""

import random
from typing import Any

import pytest
from rich.cells import cell_len

from nagare.lib.clock import ManualClock
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.live_table import LiveTable
from tests.tui.widgets.stage import Stage, keep_messages

COLUMNS = (
    ColumnSpec("state", "state", CellKind.STATE, 9, 0),
    ColumnSpec("name", "name", CellKind.TEXT, 10, 0, grow=True),
    ColumnSpec("cpu", "cpu", CellKind.RATIO, 8, 1, warn=0.8, crit=0.95, trend=True),
    ColumnSpec("history", "", CellKind.SPARK, 8, 2),
    ColumnSpec("memory", "mem", CellKind.BYTES, 8, 3),
    ColumnSpec("age", "age", CellKind.AGE, 6, 4),
)
KINDS = (
    LiveTable.RowHighlighted, LiveTable.RowSelected, LiveTable.SortChanged, LiveTable.MarksChanged, LiveTable.FrozenChanged,
)  # fmt: skip


def make_stage(count: int = 60, *, theme: str = "nagare-dark", use_ascii: bool = False) -> tuple[Stage, LiveTable]:
    table = LiveTable(COLUMNS, state_key="state", clock=ManualClock())
    for index in range(count):
        state = "stale" if index == 1 else "down" if index == 2 else "up"
        values = {
            "state": state, "name": f"web-{index}", "cpu": index / 100, "history": [0.1, index / 100],
            "memory": 2.0**30 * index, "age": 3.0,
        }  # fmt: skip
        table.store.update(f"id-{index}", values, labels={"role": "db" if index % 2 else "web"})
    return keep_messages(*KINDS)(table, theme=theme, use_ascii=use_ascii), table


async def test_rows_are_shown_with_a_header_and_numbers_on_the_right() -> None:
    stage, table = make_stage(3)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.pause()
        lines = stage.text()
        assert lines[0].split() == ["state", "name", "cpu", "mem", "age"]
        assert lines[1].split()[:4] == ["●", "up", "web-0", "0.0%"]
        assert "stale" in lines[2]
        assert "–" in lines[3]
        assert all(cell_len(line) == 80 for line in lines)
        assert table.cursor_key == "id-0"
        assert str(table.border_subtitle) == "3"


@pytest.mark.parametrize(("before", "asks"), [(60, False), (10, False), (11, True), (3, False)])
async def test_a_list_that_grows_has_the_screen_laid_out_only_for_a_bar(before: int, asks: bool) -> None:
    stage, table = make_stage(before)
    async with stage.run_test(size=(80, 13)) as pilot:
        table.sync()
        await pilot.pause()
        assert table.show_vertical_scrollbar == (before > 12)
        asked = False
        for name in ("more", "most"):
            table.store.update(name, {"state": "up", "name": name, "cpu": 0.0, "memory": 1.0, "age": 1.0})
            table.sync()
            asked = table._layout_required
            await pilot.pause()
        assert asked == asks
        assert table.show_vertical_scrollbar == (before > 10)
        await pilot.press("end")
        await pilot.pause()
        assert "most" in stage.text()[min(before + 2, 12)]
        assert table.max_scroll_y == max(0, before + 3 - 13)


PLAIN = (
    ColumnSpec("state", "state", CellKind.STATE, 9, 0),
    ColumnSpec("name", "name", CellKind.TEXT, 10, 0, grow=True),
    ColumnSpec("memory", "mem", CellKind.BYTES, 8, 3),
)


class Noted(LiveTable):
    """A table that notes which of its lines are drawn."""

    def __init__(self, *columns: Any, **told: Any) -> None:
        super().__init__(*columns, **told)
        self.drawn: list[int] = []

    def render_line(self, y: int) -> Any:
        self.drawn.append(y)
        return super().render_line(y)


def _plain_stage(count: int) -> tuple[Stage, Noted]:
    table = Noted(PLAIN, state_key="state", clock=ManualClock())
    for index in range(count):
        table.store.update(f"id-{index}", {"state": "up", "name": f"web-{index}", "memory": 2.0**30 * index})
    return Stage(table), table


def _on_screen(stage: Stage) -> list[str]:
    """Return what stands on the screen, of which the library draws only what was marked for it."""
    return [strip.text for strip in stage.screen._compositor.render_strips()]


async def test_only_lines_that_are_other_are_drawn_again() -> None:
    stage, table = _plain_stage(60)
    async with stage.run_test(size=(80, 12)) as pilot:
        for _ in range(2):
            # With the first rows comes a scrollbar, which takes of the width.
            table.sync()
            await pilot.pause()
        table.drawn.clear()
        table.sync()
        table.store.update("id-3", {"memory": 3 * 2.0**30})
        table.sync()
        await pilot.pause()
        assert not table.drawn
        table.store.update_columns(["id-3", "id-5", "id-50"], {"memory": [7.0, 5 * 2.0**30, 9.0]})
        table.sync()
        await pilot.pause()
        assert table.drawn == [4]
        assert "7B" in _on_screen(stage)[4]


async def test_what_is_drawn_in_parts_is_what_is_drawn_as_a_whole() -> None:
    chance = random.Random(11)
    stage, table = _plain_stage(40)
    async with stage.run_test(size=(80, 14)) as pilot:
        for step in range(60):
            key = f"id-{chance.randrange(50)}"
            act = chance.randrange(7)
            if act == 0:
                table.store.remove(key)
            elif act == 1:
                table.sort_by(chance.choice(["memory", "name", "state"]))
            elif act == 2:
                table.move_to(key)
            elif act == 3:
                await pilot.press(chance.choice(["space", "j", "pagedown", "home", "end"]))
            else:
                state = chance.choice(["up", "stale", "down"])
                table.store.update(key, {"state": state, "name": key, "memory": float(step)})
            table.sync()
            await pilot.pause()
            width, height = table.scrollable_content_region.size
            shown = [line[:width] for line in _on_screen(stage)[:height]]
            assert shown == [line[:width].ljust(width) for line in stage.text()[:height]]


async def test_keys_move_the_selection_and_keep_it_in_view() -> None:
    stage, table = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.press("j", "down", "k")
        assert table.cursor_key == "id-1"
        await pilot.press("pagedown")
        assert table.cursor_key == "id-11"
        await pilot.press("end")
        assert table.cursor_key == "id-59"
        await pilot.pause()
        assert any("web-59" in line for line in stage.text())
        await pilot.press("home", "up")
        assert table.cursor_key == "id-0"
        await pilot.pause()
        assert "web-0" in stage.text()[1]
        assert [message.key for message in stage.of(LiveTable.RowHighlighted)][-1] == "id-0"


async def test_the_selection_stays_with_its_row_when_the_order_changes() -> None:
    stage, table = make_stage(20)
    async with stage.run_test(size=(80, 30)) as pilot:
        table.sort_by("cpu")
        await pilot.press("down", "down")
        assert table.cursor_key == "id-17"
        highlights = len(stage.of(LiveTable.RowHighlighted))
        table.store.update("id-17", {"cpu": 0.999})
        table.sync()
        await pilot.pause()
        assert (table.cursor_key, table.cursor_index) == ("id-17", 0)
        assert "web-17" in stage.text()[1]
        assert len(stage.of(LiveTable.RowHighlighted)) == highlights


async def test_follow_keeps_the_row_in_view() -> None:
    stage, table = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sort_by("cpu")
        await pilot.press("f")
        table.move_to("id-59")
        table.store.update("id-59", {"cpu": 0.0001})
        table.sync()
        await pilot.pause()
        assert any("web-59" in line for line in stage.text())
        assert "follow" in str(table.border_subtitle)
        await pilot.press("f")
        table.store.update("id-59", {"cpu": 0.9})
        table.sync()
        await pilot.pause()
        assert not any("web-59" in line for line in stage.text())


async def test_sorting_by_keys_and_by_the_header() -> None:
    stage, table = make_stage(20)
    async with stage.run_test(size=(80, 30)) as pilot:
        table.sync()
        await pilot.press("o", "o", "o")
        assert (table.sort_key, table.sort_reversed) == ("cpu", True)
        assert "cpu▼" in stage.text()[0]
        await pilot.press("O")
        assert not table.sort_reversed
        assert "cpu▲" in stage.text()[0]
        await pilot.click(table, offset=(stage.text()[0].index("mem"), 0))
        assert (table.sort_key, table.sort_reversed) == ("memory", True)
        await pilot.click(table, offset=(stage.text()[0].index("mem"), 0))
        assert not table.sort_reversed
        changes = [(message.column, message.reverse) for message in stage.of(LiveTable.SortChanged)]
        assert changes[-2:] == [("memory", True), ("memory", False)]


async def test_the_mouse_selects_and_a_double_click_opens() -> None:
    stage, table = make_stage(20)
    async with stage.run_test(size=(80, 30)) as pilot:
        table.sync()
        await pilot.click(table, offset=(12, 5))
        assert table.cursor_key == "id-4"
        await pilot.double_click(table, offset=(12, 7))
        await pilot.pause()
        assert [message.key for message in stage.of(LiveTable.RowSelected)] == ["id-6"]
        await pilot.press("enter")
        assert [message.key for message in stage.of(LiveTable.RowSelected)] == ["id-6", "id-6"]
        await pilot.click(table, offset=(12, 28))
        assert table.cursor_key == "id-6"


async def test_a_filter_narrows_and_says_so() -> None:
    stage, table = make_stage()
    async with stage.run_test(size=(80, 12)) as pilot:
        table.set_filter("role:db cpu>50")
        await pilot.pause()
        assert table.ordered_keys == ["id-51", "id-53", "id-55", "id-57", "id-59"]
        assert str(table.border_subtitle) == "5 of 60"
        table.set_filter("nothing")
        await pilot.pause()
        assert any("0 of 60 match nothing; Esc clears" in line for line in stage.text())
        table.set_filter("")
        assert table.row_count == 60


async def test_freezing_pins_the_rows_while_the_data_goes_on() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.press("z")
        table.store.update("id-0", {"name": "renamed"})
        table.store.remove("id-4")
        table.sync()
        await pilot.pause()
        lines = stage.text()
        assert "frozen at" in lines[0]
        assert "2 updates since; z goes on" in lines[0]
        assert "web-0" in lines[2]
        assert "web-4" in lines[6]
        await pilot.click(table, offset=(12, 3))
        assert table.cursor_key == "id-1"
        await pilot.press("z")
        await pilot.pause()
        assert "renamed" in stage.text()[1]
        assert [message.frozen for message in stage.of(LiveTable.FrozenChanged)] == [True, False]


async def test_marks() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.press("space", "space")
        assert table.marks == {"id-0", "id-1"}
        assert table.cursor_key == "id-2"
        await pilot.press("asterisk")
        assert table.marks == {"id-2", "id-3", "id-4"}
        assert stage.text()[4].startswith("▌")
        assert "3 marked" in str(table.border_subtitle)
        table.store.remove("id-3")
        table.sync()
        await pilot.pause()
        assert stage.of(LiveTable.MarksChanged)[-1].keys == {"id-2", "id-4"}
        table.clear_marks()
        assert not table.marks


async def test_columns_are_dropped_when_narrow_and_wide_brings_them_back() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(40, 12)) as pilot:
        table.sync()
        await pilot.pause()
        assert list(table.hidden_columns) == ["", "mem", "age"]
        assert stage.text()[0].split() == ["state", "name", "cpu", "+3", "w"]
        assert "+3 cols, w" in str(table.border_subtitle)
        await pilot.press("w")
        await pilot.pause()
        assert not table.hidden_columns
        first = stage.text()[1]
        await pilot.press("right", "right")
        await pilot.pause()
        scrolled = stage.text()[1]
        assert scrolled[:20] == first[:20]
        assert scrolled[21:] != first[21:]
        assert cell_len(scrolled) == 40


async def test_the_note_of_hidden_columns_is_a_button() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(40, 12)) as pilot:
        table.sync()
        await pilot.pause()
        await pilot.click(table, offset=(38, 0))
        assert table.wide
        assert table.sort_key is None


async def test_resizing_keeps_the_selection_in_view() -> None:
    stage, table = make_stage()
    async with stage.run_test(size=(80, 30)) as pilot:
        table.sync()
        table.move_to("id-25")
        await pilot.resize_terminal(60, 10)
        await pilot.pause()
        assert any("web-25" in line for line in stage.text())


async def test_placeholders_for_loading_and_for_nothing() -> None:
    stage, table = make_stage(0)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.is_loading = True
        table.sync()
        await pilot.pause()
        assert "▒" in stage.text()[1]
        table.is_loading = False
        table.empty_text = "no hosts yet: nagare agent"
        await pilot.pause()
        assert any("no hosts yet: nagare agent" in line for line in stage.text())
        await pilot.press("enter", "space", "down", "o")
        assert not stage.of(LiveTable.RowSelected)


async def test_what_is_shown_can_be_copied() -> None:
    stage, table = make_stage(3)
    async with stage.run_test(size=(40, 12)) as pilot:
        table.store.update("id-0", {"name": "evil\x1b]52;c;x\x07"})
        table.sync()
        await pilot.pause()
        rows = table.shown_text().splitlines()
        assert rows[0] == "state\tname\tcpu"
        assert rows[2] == "◌ stale\tweb-1\t1.0%"
        assert "\x1b" not in table.shown_text()
        table.move_to("id-2")
        assert table.cursor_text() == "web-2"


async def test_foreign_names_cannot_steer_the_terminal() -> None:
    stage, table = make_stage(1)
    async with stage.run_test(size=(80, 6)) as pilot:
        table.store.update("x", {"name": "a\x1b[2J漢字\u202e", "state": "\x1b[31m"})
        table.sync()
        await pilot.pause()
        lines = stage.text()
        assert all("\x1b" not in line and "\u202e" not in line for line in lines)
        assert all(cell_len(line) == 80 for line in lines)


@pytest.mark.parametrize("theme", ["nagare-dark", "nagare-light"])
async def test_ascii_draws_ascii_only_in_every_theme(theme: str) -> None:
    stage, table = make_stage(5, theme=theme, use_ascii=True)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.store.update("id-0", {"name": "größe…", "cpu": None})
        table.sort_by("cpu")
        await pilot.press("space", "z")
        await pilot.pause()
        assert "".join(stage.text()).isascii()
        assert str(table.border_subtitle).isascii()


async def test_the_theme_can_change_while_it_runs() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.pause()
        dark = [segment.style for segment in table.render_line(2)]
        stage.theme = "nagare-light"
        await pilot.pause()
        assert [segment.style for segment in table.render_line(2)] != dark


async def test_a_selected_row_is_seen_with_and_without_focus() -> None:
    stage, table = make_stage(5)
    async with stage.run_test(size=(80, 12)) as pilot:
        table.sync()
        await pilot.pause()
        focused = table.render_line(1)
        assert len(list(focused)) <= 2
        stage.set_focus(None)
        await pilot.pause()
        blurred = list(table.render_line(1))
        assert len(blurred) > 2
        assert all(segment.style is not None and segment.style.bold for segment in blurred)
        assert blurred[0].text == "›"
