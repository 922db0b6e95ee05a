"""The dashboard with a clock that runs fast, so that hours of ticks pass in minutes; durations stay those of the machine."""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path

from nagare.config.settings import Settings
from nagare.lib.clock import SystemClock
from nagare.lib.garbage import drawing_collector, set_aside
from nagare.tui.app import TopApp
from nagare.tui.location import parse_location


class FastClock(SystemClock):
    """The machine's clock until ``origin_ms``, and ``rate`` times as fast from there on."""

    def __init__(self, origin_ms: int, rate: float) -> None:
        """Begin to run fast at ``origin_ms``."""
        self._origin_ms, self._rate = origin_ms, rate

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return self._origin_ms + round(max(0.0, time.time_ns() / 1e6 - self._origin_ms) * self._rate)

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("origin_ms", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("location")
    given = parser.parse_args()
    # As the command line does it.
    with drawing_collector():
        set_aside()
        clock = FastClock(given.origin_ms, given.rate)
        TopApp(Settings(data=given.data), parse_location(given.location), clock=clock).run()
