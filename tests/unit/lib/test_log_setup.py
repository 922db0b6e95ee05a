import io
import json
import logging
from collections.abc import Iterator

import pytest

from nagare.lib.log_setup import set_up_logging


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in ("asyncio", "sqlalchemy")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)


def _fail() -> None:
    raise ValueError("inner\x1b]0;title\x07")


def _lines(level: str, line_format: str) -> list[str]:
    stream = io.StringIO()
    set_up_logging(level, line_format, stream=stream)
    log = logging.getLogger("nagare.test")
    log.debug("unheard")
    log.info("said name=%s", "evil\x1b[2J\nsecond")
    try:
        _fail()
    except ValueError:
        log.exception("failed")
    logging.getLogger("asyncio").info("chatter")
    return stream.getvalue().splitlines()


def test_a_line_for_people_is_one_line_and_harmless() -> None:
    lines = _lines("info", "text")
    assert len(lines) > 2
    assert " INFO    nagare.test said name=evil␛[2J second" in lines[0]
    assert lines[0].split()[0].endswith("Z")
    assert not any("\x1b" in line or "unheard" in line or "chatter" in line for line in lines)
    assert any("ValueError: inner␛]0;title␇" in line for line in lines)


def test_a_line_for_machines_is_one_object() -> None:
    lines = [json.loads(line) for line in _lines("info", "json")]
    assert [line["level"] for line in lines] == ["info", "error"]
    assert lines[0]["message"] == "said name=evil\x1b[2J\nsecond"
    assert "ValueError" in lines[1]["traceback"]


def test_the_level_holds_and_a_second_call_replaces_the_first() -> None:
    assert _lines("error", "text")[0].count("failed") == 1
    assert len(logging.getLogger().handlers) == 1
