"""The first paint of ``nagare top`` beside a bare Textual app, both on a pseudo-terminal read through libghostty."""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benches.report import Row, Section
from tests.support.processes import child_environment, collecting, nagare_argv, serving
from tests.support.pty_screen import on_pty

BARE_APP = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("a bare screen")
Bare().run()
"""
TIMES = 7
# The agent has sent its first rows by then.
SETTLE_SECONDS = 6.0


def _paint_seconds(argv: Sequence[str], words: Sequence[str], environment: dict[str, str]) -> list[float]:
    """Return, for each word in turn, how long it takes until the screen shows it."""
    runs = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with on_pty(argv, 120, 40, environment=environment) as screen:
            seconds = []
            for word in words:
                screen.wait_for(word, 30)
                seconds.append(time.perf_counter() - begun)
            runs.append(seconds)
    return [statistics.median(sorted(column)[: (TIMES + 1) // 2]) for column in zip(*runs, strict=True)]


def run() -> Section:
    """Measure the first paint with a live server behind it."""
    section = Section(
        "First paint",
        f"A 120x40 terminal, from process start until the screen shows it; median of the faster half of {TIMES} runs. "
        "The first frame says where it goes, before the rest is loaded; the page has header, footer and panels.",
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = child_environment(HOME=folder)
        data = Path(folder) / "data"
        with serving(data, environment=environment), collecting(data, environment=environment):
            time.sleep(SETTLE_SECONDS)
            (bare,) = _paint_seconds([sys.executable, "-c", BARE_APP], ["a bare screen"], environment)
            first, page, rows = _paint_seconds(
                nagare_argv("--data", data, "top"), ["nagare", "live 15m", "● up"], environment
            )
    section.rows += [
        Row("first frame of nagare top", first * 1000, "ms", bare * 1000, "bare Textual app", 400),
        Row("the overview stands, without rows", page * 1000, "ms", bare * 1000, "bare Textual app"),
        Row("live rows stand in it", rows * 1000, "ms", bare * 1000, "bare Textual app"),
    ]
    return section
