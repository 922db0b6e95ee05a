"""How long a person waits for the first word: ``nagare --help`` beside a bare typer program and a bare interpreter."""

import sys
from pathlib import Path

from benches.cost import best_seconds
from benches.report import Row, Section

BARE_TYPER = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None)
@app.command()
def hello(name: str = "you") -> None:
    print(name)
app()
"""


def run() -> Section:
    """Measure the start of the command line."""
    nagare = str(Path(sys.executable).parent / "nagare")
    python = best_seconds([sys.executable, "-c", "pass"])
    typer = best_seconds([sys.executable, "-c", BARE_TYPER, "--help"])
    section = Section("Start of the command line", "Median of the faster half of 15 runs, process start to exit.")
    for arguments, promise in (("--help", 0.150), ("version", None), ("query --help", None)):
        seconds = best_seconds([nagare, *arguments.split()])
        section.rows.append(
            Row(
                f"nagare {arguments}",
                seconds * 1000,
                "ms",
                typer * 1000,
                "bare typer --help",
                promise and promise * 1000,
            )
        )
    section.rows.append(Row("python -c pass", python * 1000, "ms"))
    return section
