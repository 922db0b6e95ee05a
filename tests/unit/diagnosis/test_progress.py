"""What is told of a diagnosis while it is made: joined, bounded, harmless."""

import asyncio

from nagare.diagnosis.progress import Stage, Telling
from nagare.lib.counters import Counters
from nagare.wire.diagnosis import StageLine, WordsLine


def test_a_stage_that_goes_on_is_told_as_it_is_now() -> None:
    telling = Telling(Counters())
    telling.stage(Stage.WAITING)
    telling.stage(Stage.EVIDENCE, 1, 26)
    telling.stage(Stage.EVIDENCE, 9, 26)
    assert telling.take() == [StageLine("waiting"), StageLine("evidence", 9, 26)]
    assert telling.take() == []


def test_words_of_one_asker_are_joined_and_harmless() -> None:
    telling = Telling(Counters())
    for asker, text in (("metrics", "the disk "), ("metrics", "is\x1b[31m full"), ("logs", "a"), ("metrics", "b")):
        telling.words(asker, text)
    assert telling.take() == [
        WordsLine("metrics", "the disk is␛[31m full"),
        WordsLine("logs", "a"),
        WordsLine("metrics", "b"),
    ]


def test_who_does_not_listen_costs_a_bounded_room() -> None:
    counters = Counters()
    telling = Telling(counters, limit=3)
    for number in range(5):
        telling.words(f"asker-{number}", "x" * 5000)
    taken = telling.take()
    assert [line.asker for line in taken if isinstance(line, WordsLine)] == ["asker-2", "asker-3", "asker-4"]
    assert all(len(line.text) == 2000 for line in taken if isinstance(line, WordsLine))
    assert counters.get("progress_left_out") == 2


async def test_waiting_ends_with_the_first_word() -> None:
    telling = Telling(Counters())
    waiting = asyncio.ensure_future(telling.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    telling.stage(Stage.RULES)
    await waiting
    assert telling.take() == [StageLine("rules")]
