"""A host speaks as itself: nothing it sends may pass for the server's word."""

from __future__ import annotations

import pytest

from nagare.errors import InputError
from nagare.server.live.event_cells import check_event_cells
from nagare.wire.batch import Cell


def test_what_agents_send_is_accepted() -> None:
    check_event_cells({"cpu": {"ts": [1], "source": ["anything"]}})
    check_event_cells({"events": {"ts": [1, 2, 3], "severity": [0, 3, None], "source": ["agent", None, "agent"]}})


@pytest.mark.parametrize(
    ("column", "cell"),
    [("severity", 4), ("severity", -1), ("severity", True), ("severity", 1.5), ("severity", "2"),
     ("source", "server"), ("source", ""), ("source", 1), ("source", "kim")],
)  # fmt: skip
def test_other_words_are_refused(column: str, cell: Cell) -> None:
    with pytest.raises(InputError) as refused:
        check_event_cells({"events": {"ts": [1], column: [cell]}})
    assert refused.value.errors[0]["pointer"] == f"#/tables/events/{column}"
