"""The steps of a page: items of lists, below the passage that fits or below the heading that says what to do."""

from nagare.diagnosis.kb.chunks import read_page
from nagare.diagnosis.kb.steps import find_steps, steps_in

PAGE = """# A job eats the processors

Alert CpuSaturated, or a machine that is slow.

## Who to ask

- nobody

## What to do

1. Find the process.
2. Ask its owner.
"""


def test_steps_are_items_of_lists_with_what_goes_on_below_them() -> None:
    text = "Intro\n\n- one\n  goes on\nno step\n1. two\n2) three\n* [x] four\n" + "- more\n" * 20
    assert steps_in(text)[:4] == ["one goes on", "two", "three", "four"]
    assert len(steps_in(text)) == 8


def test_steps_stand_below_what_fits_or_below_the_heading_that_says_so() -> None:
    page = read_page(PAGE)
    intro, asking, doing = page.chunks
    assert find_steps(page, intro) == (["Find the process.", "Ask its owner."], f"{doing.first}-{doing.last}")
    assert find_steps(page, asking)[0] == ["nobody"]
    assert find_steps(read_page("# A note\n\n## Words\n\n- an item\n"), intro) == ((), "")
