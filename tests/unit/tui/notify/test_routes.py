"""Routes as rows: the tree, whom it reaches now, which mutes hold, and what a test would reach."""

import msgspec

from nagare.tui.notify.routes import ROUTE_COLUMNS, entries_of, reached_by
from tests.tui.notify import receivers_of


def test_the_tree_then_whom_it_tells() -> None:
    rows = entries_of(receivers_of())
    assert [(row.kind, row.cells["name"], row.cells["reaches"]) for row in rows.values()] == [
        ("route", "everything else", "ops"), ("route", "  team=db", "bob"),
        ("route", "  severity=info", "nobody: mute by nights"), ("receiver", "ada", ""), ("receiver", "bob", ""),
        ("receiver", "ops", ""), ("rotation", "oncall", "bob"), ("escalation", "all", "bob · ops"), ("mute", "nights", ""),
        ("mute", "weekends", ""),
    ]  # fmt: skip
    assert all(set(row.cells) == {spec.key for spec in ROUTE_COLUMNS} for row in rows.values())
    assert [row.cells["order"] for row in rows.values()] == [float(place) for place in range(10)]
    assert rows["route night"].cells["quiet"] == "nights (now)"
    assert rows["receiver ops"].cells["waiting"] == 3.0
    assert rows["receiver ada"].cells["fallback"] == "ops"
    assert [rows[key].receiver for key in ("route ", "escalation all", "mute nights")] == ["ops", "all", ""]


def test_what_sheets_tell() -> None:
    rows = entries_of(receivers_of())
    told = {key: "\n".join(f"{line.label} {line.text}" for line in row.told) for key, row in rows.items()}
    assert "mute in nights (now)" in told["route night"]
    assert "on duty now bob" in told["rotation oncall"]
    assert "after 15m00s ops, which is ops now" in told["escalation all"]
    assert "holds now: routes that name it tell nobody" in told["mute nights"]
    assert "url http://127.0.0.1:9/" in told["receiver ops"]
    silent = msgspec.structs.replace(receivers_of().receivers[0], channels=[])
    found = msgspec.structs.replace(receivers_of(), receivers=[silent])
    assert "it can be told of nothing" in entries_of(found)["receiver ada"].told[0].text


def test_a_test_reaches_all_people_of_a_rotation_and_every_step_of_an_escalation() -> None:
    found = receivers_of()
    assert reached_by(found, "ops") == ["ops/hook", "ops/mail"]
    assert reached_by(found, "oncall") == ["ada/phone", "bob/phone"]
    assert reached_by(found, "all") == ["ada/phone", "bob/phone", "ops/hook", "ops/mail"]
    assert reached_by(found, "nobody") == []
