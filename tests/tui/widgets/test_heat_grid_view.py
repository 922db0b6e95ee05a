"""The heat grid as a person uses it, and the inspector beside it."""

from rich.cells import cell_len

from nagare.tui.renderables.heat_grid import HeatCell
from nagare.tui.widgets.heat_grid_view import HeatGridView
from nagare.tui.widgets.inspector_list import Bar, Fact, Heading, InspectorList, Note
from tests.tui.widgets.stage import Stage, keep_messages

CELLS = [HeatCell(f"web-{at}", "crit" if at == 7 else "up", at / 40, "a" if at < 30 else "b") for at in range(40)]


def make_stage() -> tuple[Stage, HeatGridView]:
    grid = HeatGridView()
    return keep_messages(HeatGridView.HostChosen, HeatGridView.HostHighlighted)(grid), grid


async def test_arrows_choose_and_enter_opens() -> None:
    stage, grid = make_stage()
    async with stage.run_test(size=(40, 10)) as pilot:
        grid.set_cells(CELLS)
        await pilot.press("right", "right", "right")
        assert grid.selected_key == "web-2"
        assert stage.text()[-1].startswith("● web-2 up 5.0%")
        await pilot.press("enter")
        assert [message.host for message in stage.of(HeatGridView.HostChosen)] == ["web-2"]
        await pilot.press("left", "down", "up")
        assert grid.selected_key == "web-1"
        assert stage.of(HeatGridView.HostHighlighted)[-1].host == "web-1"


async def test_the_mouse_names_selects_and_opens() -> None:
    stage, grid = make_stage()
    async with stage.run_test(size=(40, 10)) as pilot:
        grid.set_cells(CELLS)
        await pilot.pause()
        column = next(at for at, letter in enumerate(stage.text()[1]) if letter == "✖")
        await pilot.hover(grid, offset=(column, 1))
        await pilot.pause()
        assert stage.text()[-1].startswith("✖ web-7 crit")
        await pilot.click(grid, offset=(column, 1))
        assert grid.selected_key == "web-7"
        await pilot.click(grid, offset=(column, 1))
        await pilot.pause()
        assert [message.host for message in stage.of(HeatGridView.HostChosen)] == ["web-7"]
        await pilot.click(grid, offset=(1, 9))
        assert grid.selected_key == "web-7"


async def test_the_selection_stays_with_its_host_and_scrolls_into_view() -> None:
    stage, grid = make_stage()
    async with stage.run_test(size=(12, 4)) as pilot:
        grid.set_cells([HeatCell(f"h{at}") for at in range(400)])
        grid.selected_key = "h399"
        await pilot.pause()
        assert "h399" in stage.text()[-1]
        grid.set_cells([HeatCell(f"h{at}") for at in range(390, 400)])
        assert grid.selected_index == 9
        assert len(grid.cells) == 10
        await pilot.resize_terminal(30, 6)
        await pilot.pause()
        assert all(cell_len(line) == 30 for line in stage.text())


async def test_an_empty_grid_says_so() -> None:
    stage, grid = make_stage()
    async with stage.run_test(size=(40, 4)) as pilot:
        grid.set_cells([])
        grid.empty_text = "no hosts match"
        await pilot.press("right", "enter")
        assert stage.text()[-1].strip() == "no hosts match"
        assert not stage.of(HeatGridView.HostChosen)


async def test_the_inspector_shows_facts_bars_and_what_found_no_room() -> None:
    panel = InspectorList()
    stage = Stage(panel)
    async with stage.run_test(size=(36, 9)) as pilot:
        panel.set_items(
            [
                Heading("web-12"), Fact("state", "up", "up"), Fact("kernel", "6.8\x1b[31m"), Heading("now"),
                Bar("cpu", 0.42, history=[0.1, 0.4]), Note("nginx failed", "crit"), Note("plain"),
            ]
        )  # fmt: skip
        await pilot.pause()
        lines = stage.text()
        assert all(cell_len(line) == 36 for line in lines)
        assert "\x1b" not in "".join(lines)
        assert "● up" in lines[1]
        assert lines[5].rstrip().endswith("42.0%")
        assert lines[7].startswith("✖ nginx failed")
        await pilot.resize_terminal(36, 5)
        await pilot.pause()
        assert "5 more lines" in stage.text()[4]
