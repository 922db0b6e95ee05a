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


def _paint_seconds(argv: Sequence[str], word: str, environment: dict[str, str]) -> float:
    seconds = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with on_pty(argv, 120, 40, environment=environment) as screen:
            screen.wait_for(word, 30)
            seconds.append(time.perf_counter() - begun)
    return statistics.median(sorted(seconds)[: (TIMES + 1) // 2])


def run() -> Section:
    """Measure the first paint with a live server behind it."""
    section = Section(
        "First paint",
        f"A 120x40 terminal, from process start to the first word on the screen; median of the faster half of {TIMES} runs.",
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = child_environment(HOME=folder)
        data = Path(folder) / "data"
        with serving(data, environment=environment), collecting(data, environment=environment):
            bare = _paint_seconds([sys.executable, "-c", BARE_APP], "a bare screen", environment)
            top = _paint_seconds(nagare_argv("--data", data, "top"), "overview", environment)
    section.rows.append(Row("nagare top", top * 1000, "ms", bare * 1000, "bare Textual app", 400))
    return section
