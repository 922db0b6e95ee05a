"""What only the bus in NATS has: servers that are away, that ask who comes, and that cannot do what is asked of them."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from nagare.bus.choice import make_bus
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.bus.jetstream import publisher
from nagare.bus.jetstream.bus import JetStreamBus
from nagare.bus.message import Message
from nagare.bus.protocol import ConsumerSpec, Delivery, Lag
from nagare.bus.streams import DAY, STREAMS, Streams, StreamSpec
from nagare.config.settings import BusSettings
from nagare.errors import (
    BodyTooLargeError,
    ConfigError,
    ConnectFailedError,
    NotReadyError,
    OverloadedError,
    UnavailableError,
)
from nagare.keys.certificates import load_or_make_certificate
from nagare.lib.clock import SystemClock
from tests.support.buses import PATIENCE_SECONDS, fetch_all, jetstream_store, lag_becomes, until
from tests.support.nats_credentials import make_chain
from tests.support.nats_server import NatsServer, free_ports, nats_server

T = TypeVar("T")
SMALL = Streams((StreamSpec("work", ("work.*",), DAY, 10_000, 2**20),))
SPEC = ConsumerSpec("work", "reader")


def _bus(server: NatsServer, **settings: object) -> JetStreamBus:
    made = BusSettings(**{"servers": (server.url,), **settings})  # type: ignore[arg-type]
    return JetStreamBus(made, SystemClock(), SMALL)


def _messages(count: int, prefix: str = "m") -> list[Message]:
    return [Message("work.a", b"", f"{prefix}{n}") for n in range(count)]


async def _once_it_is_back(work: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(UnavailableError):
                return await work()


async def _is_acked(delivery: Delivery) -> bool:
    """Tell whether the server takes the ack: not when it died before it had written that it delivered the message."""
    try:
        async with asyncio.timeout(5):
            await _once_it_is_back(delivery.ack)
    except TimeoutError:
        return False
    return True


async def test_while_the_server_is_away_nothing_is_reported_published(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        async with _bus(server, publish_seconds=1.0, request_seconds=1.0) as bus:
            await bus.publish(_messages(3, "before"))
            consumer = await bus.consumer(SPEC)
            (first, *_) = await fetch_all(consumer, 1)
            server.kill()
            async with asyncio.timeout(PATIENCE_SECONDS):
                for work in (bus.publish(_messages(5)), consumer.fetch(), first.ack(), consumer.lag()):
                    with pytest.raises(UnavailableError):
                        await work
            await asyncio.to_thread(server.start)
            await until(lambda: bus.counters.get("reconnects"))
            # The server takes connections before its streams and their readers are back.
            acks = await _once_it_is_back(lambda: bus.publish(_messages(5)))
            assert len({ack.seq for ack in acks}) == 5
            is_acked = await _is_acked(first)
            left = {delivery.message.id for delivery in await fetch_all(consumer, 8 - is_acked)}
            assert len(left) == 8 - is_acked
            assert (first.message.id in left) is not is_acked


async def test_a_fetch_waits_for_the_server_to_come_back(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        async with _bus(server, request_seconds=PATIENCE_SECONDS) as bus:
            consumer = await bus.consumer(SPEC)
            await bus.publish(_messages(1))
            server.kill()
            await until(lambda: bus._connection.client.is_closed)
            fetching = asyncio.gather(consumer.fetch(), consumer.fetch(wait_seconds=1.0))
            # It neither gives up at once nor holds the loop while it tries.
            await until(lambda: not bus._connection.is_up.is_set())
            await asyncio.to_thread(server.start)
            assert sorted(len(found) for found in await fetching) == [0, 1]


async def test_a_publish_outlasts_a_cut(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        async with _bus(server, publish_seconds=PATIENCE_SECONDS) as bus:
            await bus.publish(_messages(1, "before"))
            server.kill()
            await until(lambda: bus.counters.get("disconnects"))
            publishing = asyncio.gather(*(bus.publish(_messages(3, f"{n}-")) for n in range(20)))
            await asyncio.to_thread(server.start)
            acks = [ack for stored in await publishing for ack in stored]
            assert len({ack.seq for ack in acks}) == 60
            await lag_becomes(await bus.consumer(SPEC), Lag(61, 0))


async def test_a_server_that_stands_still_is_noticed(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        async with _bus(server, publish_seconds=1.0) as bus:
            server.freeze()
            with pytest.raises(UnavailableError, match="not acknowledged within 1 seconds"):
                await bus.publish(_messages(5))
            server.thaw()
            # What it did take while nobody heard of it is known by its ids.
            acks = await _once_it_is_back(lambda: bus.publish(_messages(5)))
            assert len({ack.seq for ack in acks}) == 5
            await lag_becomes(await bus.consumer(SPEC), Lag(5, 0))


async def test_who_is_not_there_is_told_by_address() -> None:
    (port,) = free_ports(1)
    bus = _bus(NatsServer(Path("/nowhere"), port), connect_seconds=0.5)
    with pytest.raises(ConnectFailedError, match=f"127.0.0.1:{port}"):
        async with bus:
            raise AssertionError
    with pytest.raises(NotReadyError):
        await bus.publish(_messages(1))


async def test_two_servers_share_a_consumer(nats: NatsServer) -> None:
    store = jetstream_store(nats.url)
    spec = ConsumerSpec(store.work, "reader")
    async with store.open() as one, store.open() as two:
        await one.publish([store.message(f"m{n}") for n in range(20)])
        readers = [await one.consumer(spec), await two.consumer(spec)]
        found = [await fetch_all(reader, 10) for reader in readers]
        assert len({delivery.seq for some in found for delivery in some}) == 20
        (repeat,) = await two.publish([store.message("m3")])
        assert repeat.duplicate


async def test_a_stream_becomes_what_its_table_says(nats: NatsServer) -> None:
    store = jetstream_store(nats.url)
    async with store.open():
        pass
    longer = Streams((StreamSpec(store.work, (f"{store.work}.*",), 2 * DAY, 500, 2**20),))
    async with JetStreamBus(BusSettings(servers=(nats.url,)), SystemClock(), longer) as bus:
        config = (await bus._connection.streams.stream_info(store.work)).config
        assert (config.max_age, config.max_msgs, config.max_bytes) == (2 * DAY, 500, 2**20)


async def test_the_streams_of_the_product_can_be_made(nats: NatsServer, tmp_path: Path) -> None:
    bus = make_bus(BusSettings(servers=(nats.url,)), tmp_path / "bus.db", SystemClock())
    async with bus:
        for spec in STREAMS:
            subject = spec.subjects[0].replace("*", "x") if not spec.partitions else spec.subjects[0].removesuffix(".*")
            (ack,) = await bus.publish([Message(subject, b"", "first", "key")])
            assert ack.stream == spec.name
    assert isinstance(make_bus(BusSettings(), tmp_path / "bus.db", SystemClock()), EmbeddedBus)


async def test_a_server_that_cannot_is_told_with_the_way_out(tmp_path: Path, nats: NatsServer) -> None:
    with (
        nats_server(tmp_path / "plain", ["# no jetstream"]) as plain,
        pytest.raises(UnavailableError, match="no JetStream answers"),
    ):
        async with _bus(plain, request_seconds=1.0):
            raise AssertionError
    with pytest.raises(ConfigError) as refused:
        async with _bus(nats, replicas=3):
            raise AssertionError
    assert "bus.replicas" in refused.value.hint
    with nats_server(tmp_path / "small", [f'jetstream {{ store_dir: "{tmp_path}/s", max_file_store: 10MB }}']) as small:
        with pytest.raises(ConfigError) as refused:
            async with _bus(small):
                raise AssertionError
        assert "max_file_store" in refused.value.hint


async def test_a_server_with_a_lower_limit_refuses_what_is_larger(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n", ["max_payload: 1000"]) as server:
        async with _bus(server) as bus:
            with pytest.raises(BodyTooLargeError, match="1000"):
                await bus.publish([Message("work.a", bytes(2000), "large"), *_messages(3)])
            await bus.publish(_messages(3))


async def test_more_than_may_wait_is_refused(nats: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "QUEUE_LIMIT", 10)
    store = jetstream_store(nats.url)
    async with store.open() as bus:
        batches = [[store.message(f"{n}-{m}") for m in range(4)] for n in range(5)]
        results = await asyncio.gather(*(bus.publish(batch) for batch in batches), return_exceptions=True)
        assert sum(isinstance(result, OverloadedError) for result in results) == 3
        await bus.publish(batches[4])


async def test_what_waits_when_it_closes_is_told(tmp_path: Path) -> None:
    with nats_server(tmp_path / "n") as server:
        async with _bus(server) as bus:
            server.freeze()
            publishing = asyncio.gather(bus.publish(_messages(1)), return_exceptions=True)
            await asyncio.sleep(0)
        (outcome,) = await publishing
        assert isinstance(outcome, NotReadyError)
        server.thaw()


# A server that refuses may cut the connection before its word is read.
REFUSED = "Authorization|Connection reset|EOF"
PASSWORD = "of-the-user"


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        (f'authorization {{ user: nagare, password: "{PASSWORD}" }}', {"user": "nagare", "password_file": ...}),
        (f'authorization {{ token: "{PASSWORD}" }}', {"token_file": ...}),
    ],
)
async def test_secrets_come_from_files_and_stay_there(
    tmp_path: Path, more: str, settings: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "secret"
    file.write_text("wrong-one\n")
    given = {name: file if value is ... else value for name, value in settings.items()}
    with nats_server(tmp_path / "n", [more]) as server:
        with pytest.raises(ConnectFailedError, match=REFUSED) as refused:
            async with _bus(server, connect_seconds=1.0, **given):
                raise AssertionError
        assert "wrong-one" not in str(refused.value)
        # Read again at the next connect.
        file.write_text(PASSWORD + "\n")
        async with _bus(server, **given) as bus:
            await bus.publish(_messages(1))
            server.kill()
            await asyncio.to_thread(server.start)
            await until(lambda: bus.counters.get("reconnects"))
    assert "wrong-one" not in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_credentials_file_signs_what_the_server_asks(tmp_path: Path) -> None:
    chain, other = make_chain(), make_chain()
    with nats_server(tmp_path / "n", chain.server_lines) as server:
        for name, content in (("good", chain.credentials), ("bad", other.credentials)):
            (tmp_path / name).write_text(content)
        async with _bus(server, credentials_file=tmp_path / "good") as bus:
            await bus.publish(_messages(1))
        with pytest.raises(ConnectFailedError, match=REFUSED):
            async with _bus(server, credentials_file=tmp_path / "bad", connect_seconds=0.5):
                raise AssertionError


async def test_a_secret_that_is_changed_while_it_runs_is_taken_up(tmp_path: Path) -> None:
    file, login = tmp_path / "secret", 'authorization { user: nagare, password: "%s" }'
    file.write_text("first")
    with nats_server(tmp_path / "n", [login % "first"]) as server:
        async with (
            _bus(server, user="nagare", password_file=file, publish_seconds=PATIENCE_SECONDS) as bus,
            bus.subscribe("work.*") as live,
        ):
            consumer = await bus.consumer(SPEC)
            await bus.publish(_messages(2, "before"))
            (first, *_) = await fetch_all(consumer, 1)
            # The server puts out whom it does not know any more, which nats-py takes for the end.
            server.more = [login % "second"]
            server.reload()
            await until(lambda: bus._connection.client.is_closed)
            publishing = asyncio.gather(bus.publish(_messages(2, "after")))
            file.write_text("second")
            await publishing
            await first.ack()
            assert [one.message.id for one in await fetch_all(consumer, 3)] == ["before1", "after0", "after1"]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (await anext(live)).id != "after1":
                    pass


async def test_tls_trusts_the_authority_that_is_configured_and_no_other(tmp_path: Path) -> None:
    made = load_or_make_certificate(tmp_path / "keys", ["localhost"], SystemClock().now())
    other = load_or_make_certificate(tmp_path / "other", ["localhost"], SystemClock().now())
    tls = f'tls {{ cert_file: "{made.certificate_file}", key_file: "{made.key_file}" }}'
    with nats_server(tmp_path / "n", [tls]) as server:
        servers = (f"tls://localhost:{server.port}",)
        async with _bus(server, servers=servers, tls_ca_file=made.ca_file) as bus:
            await bus.publish(_messages(1))
        with pytest.raises(ConnectFailedError, match="CERTIFICATE_VERIFY_FAILED"):
            async with _bus(server, servers=servers, tls_ca_file=other.ca_file, connect_seconds=1.0):
                raise AssertionError
    with pytest.raises(ConfigError, match="TLS files"):
        async with _bus(server, servers=servers, tls_ca_file=tmp_path / "absent"):
            raise AssertionError


async def test_no_secret_goes_to_whoever_speaks_no_tls(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD)
    heard = bytearray()

    async def pose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.12.0","max_payload":1048576,"auth_required":true}\r\n')
        heard.extend(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(pose, "127.0.0.1", 0) as impostor:
        port = impostor.sockets[0].getsockname()[1]
        settings = BusSettings(
            servers=(f"tls://127.0.0.1:{port}",), user="nagare", password_file=tmp_path / "secret", connect_seconds=0.5
        )
        with pytest.raises(ConnectFailedError, match="does not speak TLS"):
            async with JetStreamBus(settings, SystemClock(), SMALL):
                raise AssertionError
    assert bytes(heard) == b""


async def test_a_file_that_is_missing_is_named(nats: NatsServer, tmp_path: Path) -> None:
    for name in ("token_file", "credentials_file", "password_file"):
        with pytest.raises(ConfigError, match="absent"):
            async with _bus(nats, **{name: tmp_path / "absent"}):
                raise AssertionError


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.startswith(("nagare.bus.jetstream", "nats"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(ConfigError) as refused:
        make_bus(BusSettings(servers=("nats://127.0.0.1",)), tmp_path / "bus.db", SystemClock())
    assert "nagare[nats]" in refused.value.hint
