"""What doctor says of the bus: in its file, and in NATS servers."""

from pathlib import Path

from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.message import Message
from nagare.cli.offline.checks.bus import check_bus
from nagare.config.places import Places
from nagare.config.settings import BusSettings, Settings
from nagare.lib.clock import SystemClock
from tests.support.nats_server import free_ports, nats_server


async def _filled(places: Places) -> None:
    places.run.mkdir(parents=True)
    async with EmbeddedBus(places.bus, SystemClock()) as bus:
        await bus.publish([Message("tasks.verify", b"x" * 5000, f"m{number}") for number in range(50)])


def _said(settings: Settings) -> list[tuple[str, str]]:
    return [(check.verdict, check.seen) for check in check_bus(settings)]


async def test_the_file_of_a_stopped_server(places: Places) -> None:
    settings = Settings(data=places.data)
    assert _said(settings) == []
    await _filled(places)
    assert _said(settings) == [("ok", "its streams read back")]
    content = bytearray(places.bus.read_bytes())
    for place in range(4096 * 3, len(content) - 4096, 4096):
        content[place : place + 64] = bytes(64)
    places.bus.write_bytes(content)
    ((verdict, seen),) = _said(settings)
    assert verdict == "bad"
    assert str(places.bus) in seen


def test_nats_servers(places: Places, tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as nats:
        settings = Settings(data=places.data, bus=BusSettings(servers=(nats.url,)))
        assert _said(settings) == [("ok", f"JetStream answers at {nats.url}")]
    (port,) = free_ports(1)
    away = Settings(data=places.data, bus=BusSettings(servers=(f"nats://127.0.0.1:{port}",), connect_seconds=0.2))
    ((verdict, seen),) = _said(away)
    assert verdict == "bad"
    assert "cannot connect to NATS" in seen
