"""Golden texts of renderables: ``GOLDEN=write`` in the environment writes them anew, to be looked at in the diff."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "golden" / "tui"


def check_golden(name: str, lines: Sequence[str]) -> None:
    """Compare lines with the golden text of that name."""
    path = FOLDER / f"{name}.txt"
    text = "".join(f"{line}\n" for line in lines)
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"no golden text {path}; write it with: GOLDEN=write pytest {Path(__file__).parent}"
    assert text == path.read_text(encoding="utf-8"), f"{name} is drawn differently; if so meant: GOLDEN=write pytest"
