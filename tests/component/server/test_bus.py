"""The server's bus: open while it runs, told in numbers, kept over restarts, and a fault that takes no samples away."""

from pathlib import Path

from nagare.bus.message import Message
from nagare.bus.protocol import ConsumerSpec
from nagare.config.settings import BusSettings
from tests.component.server.conftest import Api, Serve
from tests.support.nats_server import nats_server

# Of a stream that no room of the server reads.
READERS = ConsumerSpec("events", "readers")


async def _publish(api: Api, count: int) -> None:
    await api.services.bus.publish([Message("events.seen", b"{}", f"m{number}") for number in range(count)])


async def test_numbers_tell_how_far_a_consumer_is_behind(api: Api) -> None:
    consumer = await api.services.bus.consumer(READERS)
    api.services.bus_view.watch(consumer)
    await _publish(api, 3)
    assert len(await consumer.fetch(1)) == 1
    told = (await api.call("GET", "/api/v1/status")).json["bus"]
    assert (told["kind"], told["fault"]) == ("embedded", "")
    assert {"stream": "events", "consumer": "readers", "waiting": 2, "unacked": 1} in told["consumers"]
    text = (await api.call("GET", "/metrics")).raw.decode()
    assert 'nagare_bus_waiting_messages{consumer="readers",stream="events"} 2.0' in text
    assert "nagare_bus_answers 1.0" in text
    assert (await api.call("GET", "/api/v1/health")).json["checks"]["bus"] == "ok"


async def test_what_waits_is_there_after_a_restart(serve: Serve) -> None:
    async with serve() as api:
        await api.services.bus.consumer(READERS)
        await _publish(api, 2)
    async with serve() as api:
        found = await (await api.services.bus.consumer(READERS)).fetch(10)
        assert [delivery.message.id for delivery in found] == ["m0", "m1"]


async def test_a_bus_in_nats_that_goes_away_is_told_and_samples_are_taken(serve: Serve, tmp_path: Path) -> None:
    with nats_server(tmp_path / "nats") as nats:
        async with serve(sections={"bus": BusSettings(servers=(nats.url,), request_seconds=0.5)}) as api:
            assert (await api.call("GET", "/api/v1/status")).json["bus"]["kind"] == "jetstream"
            nats.kill()
            told = (await api.call("GET", "/api/v1/status")).json["bus"]
            assert "look at JetStream" in told["fault"] or "no answer" in told["fault"]
            health = (await api.call("GET", "/api/v1/health")).json
            assert (health["status"], health["checks"]["records"]) == ("degraded", "ok")
            token = await api.register("web1")
            assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)).status == 200
            nats.start()
            while (await api.call("GET", "/api/v1/status")).json["bus"]["fault"]:
                pass
            await _publish(api, 1)
