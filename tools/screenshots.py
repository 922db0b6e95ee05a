"""``make screenshots``: draws what docs/ shows of the dashboard, from a live server and agent of this machine.

Usage: python -m tools.screenshots FOLDER [SECONDS]   (how long to collect before the first picture)
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nagare.config.settings import Settings
from nagare.tui.app import TopApp
from nagare.tui.location import parse_location
from tests.support.processes import child_environment, collecting, serving

COLLECT_SECONDS = 150.0
SETTLE_SECONDS = 4.0
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
# The font is named, not fetched: a picture in a page must not call anybody.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


@dataclass(frozen=True)
class Shot:
    """One picture: its name, where it begins, the keys that lead to it, and the sizes it is drawn at."""

    name: str
    location: str
    keys: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ("120x40",)


def _shots(host: str) -> list[Shot]:
    return [
        Shot("overview", "overview?t=-3m", sizes=("80x24",)),
        Shot("hosts", "hosts"),
        Shot("host", f"hosts/{host}?t=-3m"),
        Shot("cores", f"hosts/{host}/cores?t=-3m"),
        Shot("help", "overview", ("question_mark",)),
    ]


async def _draw(settings: Settings, shot: Shot, size: str, folder: Path) -> None:
    app = TopApp(settings, parse_location(shot.location))
    async with app.run_test(size=SIZES[size]) as pilot:
        await asyncio.sleep(SETTLE_SECONDS)
        for key in shot.keys:
            await pilot.press(key)
        await asyncio.sleep(0.5)
        await pilot.pause()
        picture = app.export_screenshot(title="nagare top")
    path = folder / f"{shot.name}-{size}.svg"
    path.write_text(_FONT_FACE.sub("", picture))
    print(f"wrote {path}")


def main() -> None:
    """Start an installation, let it collect, and draw."""
    folder = Path(sys.argv[1])
    collect_seconds = float(sys.argv[2]) if len(sys.argv) > 2 else COLLECT_SECONDS
    folder.mkdir(parents=True, exist_ok=True)
    host = os.uname().nodename
    with tempfile.TemporaryDirectory() as home:
        environment = child_environment(HOME=home, NAGARE_AGENT__INTERVAL_SECONDS="1")
        data = Path(home) / "data"
        with serving(data, environment=environment), collecting(data, environment=environment):
            asyncio.run(asyncio.sleep(collect_seconds))
            for shot in _shots(host):
                for size in shot.sizes:
                    asyncio.run(_draw(Settings(data=data), shot, size, folder))


if __name__ == "__main__":
    main()
