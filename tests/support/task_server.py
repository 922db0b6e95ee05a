"""A process that runs tasks until it is killed: ``python -m tests.support.task_server FOLDER [POSTGRES NATS]``; prints a line when it is up."""

import asyncio
import sys
from pathlib import Path

from nagare.bus.choice import make_bus
from nagare.config.settings import BusSettings, RecordsSettings
from nagare.lib.clock import SystemClock
from nagare.records.engine import Records
from tests.support.task_room import room


async def main(folder: Path, postgres: str = "", nats: str = "") -> None:
    """Run, alone or as one of several."""
    servers = (nats,) if nats else ()
    async with (
        Records(folder / "records.db", RecordsSettings(postgres)) as records,
        make_bus(BusSettings(servers=servers), folder / "bus.db", SystemClock()) as bus,
        room(records, bus, folder, workers=3, is_alone=not nats, lease_seconds=4.0 if nats else 3.0),
    ):
        print("up", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
