"""What one investigator may ask for, and what it is told."""

from functools import partial

import pytest

from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.investigators.desk import PIECES_MOST, Desk
from nagare.diagnosis.investigators.enclosed import Enclosure
from nagare.diagnosis.investigators.passages import passage_tool
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import ToolCall
from nagare.errors import OverloadedError
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind
from nagare.model.diagnosis.knowledge import PageKind, Passage
from nagare.wire.sql import SqlReply, SqlRequest

_MINUTE_MS = 60_000


def seen(host: str, about: str, *, is_bad: bool = True, text: str = "") -> Seen:
    draft = Evidence("", EvidenceKind.METRIC, host, text or f"{about} is slow", about=about)
    return Seen("disk", host, lambda: draft, is_bad)


class Fleet:
    """Disks of two hosts, told as a tool tells them; ``grounds`` are those it was asked for."""

    def __init__(self, disks: int = 2, *, bad: int = 2, text: str = "") -> None:
        self.disks, self.bad, self.text = disks, bad, text
        self.grounds: list[Ground] = []

    async def look(self, ground: Ground) -> list[Seen]:
        """Return the disks of the ground."""
        self.grounds.append(ground)
        hosts = [ground.host] if ground.host else ["db1", "db2"]
        return [
            seen(host, f"disk sd{at}", is_bad=at < self.bad, text=self.text)
            for host in hosts
            for at in range(self.disks)
        ]


async def refuse(request: SqlRequest) -> SqlReply:
    """Answer no query: these tools ask none."""
    raise AssertionError(request.sql)


def desk(fleet: Fleet, *, steps: int = 10, room: int = 100, is_detail: bool = False) -> Desk:
    tools = {
        "disk": Tool("disk", "how long requests take", "disk_io", fleet.look, is_detail),
        "alerts": Tool("alerts", "open alerts", "alerts", fleet.look),
    }
    ground = Ground(Asker(refuse, frozenset({"alerts"})), Window(0, 60 * _MINUTE_MS))
    return Desk(ground, Ledger(lambda text: text, room), tools, steps, Enclosure("0" * 16))


def call(name: str = "disk", **arguments: Json) -> ToolCall:
    return ToolCall("c", name, arguments)


async def test_evidence_is_told_with_ids_between_marks() -> None:
    told = await desk(Fleet()).use(call(host="db1"))
    lines = told.splitlines()
    assert lines[0] == f"<data-{'0' * 16}>"
    assert lines[1] == '{"id": "E1", "kind": "metric", "host": "db1", "text": "disk sd0 is slow", "about": "disk sd0"}'
    assert len(lines) == 4


async def test_a_question_is_answered_once() -> None:
    fleet = Fleet()
    asked = desk(fleet)
    assert "E1" in await asked.use(call(host="db1"))
    for again in (call(host="db1"), call(host="db1", minutes=0), call(about="", host="db1")):
        assert "asked already" in await asked.use(again)
    assert "E1" in await asked.use(call(host="db1", minutes=5))
    assert len(fleet.grounds) == 2


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (call("run_command", host="db1"), "no such tool; there are disk, alerts"),
        (ToolCall("c", "disk", None), "must be one JSON object"),
        (call(sql="SELECT 1"), "must be one JSON object"),
        (call(host=7), "must be one JSON object"),
        (call(host="x" * 300), "must be one JSON object"),
        (call(minutes=-1), "must be one JSON object"),
        (call(minutes=True), "must be one JSON object"),
        (call("alerts"), "not to be seen"),
    ],
)
async def test_what_may_not_be_asked_is_refused(asked: ToolCall, why: str) -> None:
    fleet = Fleet()
    at = desk(fleet)
    told = await at.use(asked)
    assert told.startswith("refused: ")
    assert why in told
    assert (fleet.grounds, at.refused) == ([], 1)


async def test_a_detail_needs_a_host() -> None:
    assert "name a host" in await desk(Fleet(), is_detail=True).use(call())


async def test_steps_come_to_an_end_refused_ones_too() -> None:
    asked = desk(Fleet(), steps=2)
    offered = [len(asked.functions)]
    await asked.use(call("run_command"))
    await asked.use(call())
    assert [*offered, len(asked.functions)] == [2, 0]
    assert "no more evidence" in await asked.use(call(minutes=5))


async def test_too_much_is_refused_with_a_way_to_ask_for_less() -> None:
    fleet = Fleet(PIECES_MOST, bad=PIECES_MOST)
    asked = desk(fleet)
    assert "ask again for one host" in await asked.use(call())
    assert asked.ledger.evidence == ()
    assert (await asked.use(call(host="db1"))).count("E") == PIECES_MOST
    assert "disk sd7" in await asked.use(call(about="SD7"))


async def test_of_many_only_those_that_stand_out_are_told() -> None:
    assert (await desk(Fleet(50, bad=3)).use(call())).count('"id"') == 6
    assert "none stands out" in await desk(Fleet(50, bad=0)).use(call())


async def test_long_lines_are_too_much_as_well() -> None:
    asked = desk(Fleet(15, bad=15, text="x" * 4000))
    # The ledger cuts each; together they are still long.
    assert len(await asked.use(call(host="db1"))) < 13_000


async def test_a_window_is_only_ever_narrowed() -> None:
    fleet = Fleet()
    asked = desk(fleet)
    await asked.use(call(minutes=5))
    await asked.use(call(minutes=90))
    assert [ground.window for ground in fleet.grounds] == [
        Window(55 * _MINUTE_MS, 60 * _MINUTE_MS),
        Window(0, 60 * _MINUTE_MS),
    ]


async def test_a_full_ledger_is_told() -> None:
    assert "no room" in await desk(Fleet(), room=0).use(call())


async def _search(text: str) -> list[Passage]:
    return [
        Passage(
            "shipped",
            "1",
            "DiskFull.md",
            PageKind.RUNBOOK,
            "Disk full",
            ("What to do",),
            3,
            9,
            0.8,
            f"Make room for {text}.",
        )
    ]


async def test_what_people_wrote_is_found_by_what_is_asked() -> None:
    asked = desk(Fleet())
    asked.tools = {"passages": passage_tool(_search)}
    assert asked.functions[0].parameters["required"] == ["about"]
    assert "say in `about`" in await asked.use(call("passages", host="db1"))
    told = await asked.use(call("passages", about="logs"))
    assert '"kind": "passage"' in told
    assert "Disk full: Make room for logs." in told
    assert "shipped: DiskFull.md, lines 3 to 9" in told


async def _fail(_ground: Ground, words: str) -> list[Seen]:
    raise OverloadedError(words)


async def test_what_cannot_be_looked_at_is_told_as_data() -> None:
    asked = desk(Fleet())
    asked.tools = {"disk": Tool("disk", "", "disk_io", partial(_fail, words="too many\x1b[31m queries"))}
    told = await asked.use(call())
    assert told.startswith("could not be looked at: too many")
    assert "\x1b" not in told
