"""The uplink against a real server: order, outages, refusals, registration, and what ends up on disk."""

import asyncio
import dataclasses
import resource
from pathlib import Path

import pytest

from nagare.agent.batches import Packed, pack_batch
from nagare.agent.identity import IdentityFiles
from nagare.config.places import Places
from nagare.errors import (
    BodyTooLargeError,
    CardinalityError,
    ConflictError,
    DiskFullError,
    InputError,
    LimitExceededError,
    NagareError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitedError,
    UnauthenticatedError,
)
from nagare.wire.batch import JSON, Batch, Refusal
from nagare.wire.binary_batch import MEDIA_TYPE
from nagare.wire.hosts import Standing
from tests.component.agent.receiver import ADMIN, Receiver, receiving
from tests.component.agent.uplink_rig import SETTINGS, make_batch, rig


async def test_batches_go_straight_from_memory_while_the_server_answers(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        # Nobody was asked yet: neither well nor ill.
        assert it.uplink.totals().is_up is None
        for seq in (1, 2, 3):
            await it.uplink.offer(make_batch(seq))
            await it.uplink.settle()
            assert receiver.seqs[-1] == seq
        spooled = it.uplink._spool.counters.get("spooled")
        totals = it.uplink.totals()
    assert receiver.seqs == [1, 2, 3]
    assert spooled == 1  # the first, before it was known that anybody listens
    assert (totals.is_up, totals.sent, totals.failures) == (True, 3, 0)


async def test_a_server_from_before_binary_batches_gets_json_and_is_asked_once_a_connection(places: Places) -> None:
    receiver = Receiver(spoken=(JSON,))
    async with receiving(receiver, places):
        for start in (1, 3):
            async with rig(places) as it:
                for seq in (start, start + 1):
                    await it.uplink.offer(make_batch(seq))
                    await receiver.taken(seq)
    assert receiver.seqs == [1, 2, 3, 4]
    assert receiver.media == [MEDIA_TYPE, JSON, JSON] * 2
    assert [batch.tables["load"] for batch in receiver.batches] == [{"ts": [n], "load1": [0.5]} for n in range(1, 5)]


async def test_what_only_json_can_say_is_sent_as_json(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(pack_batch("web1", "boot-1", 1, {"events": {"ts": [1], "id": ["e1"], "kind": ["x"]}}))
        await it.uplink.offer(make_batch(2))
        await receiver.taken(2)
    assert sorted(receiver.media) == sorted([JSON, MEDIA_TYPE])


async def test_the_machine_registers_once_and_from_then_on_shows_only_its_own_token(places: Places) -> None:
    receiver = Receiver()
    settings = dataclasses.replace(SETTINGS, labels={"rack": "7"}, interval_seconds=2.0)
    async with receiving(receiver, places):
        for seq in (1, 2):
            async with rig(places, settings) as it:
                await it.uplink.offer(make_batch(seq))
                await receiver.taken(seq)
    [registration] = receiver.registrations
    assert (registration.name, registration.machine_id, registration.labels) == ("web1", "m1", {"rack": "7"})
    assert (registration.facts, registration.interval_seconds) == ({"os": "test"}, 2.0)
    assert receiver.tokens == [ADMIN, "host-token-1", "host-token-1"]


async def test_a_changed_setting_is_told_to_the_server_by_registering_anew(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places):
        for seq, interval in ((1, 5.0), (2, 60.0), (3, 60.0)):
            async with rig(places, dataclasses.replace(SETTINGS, interval_seconds=interval)) as it:
                await it.uplink.offer(make_batch(seq))
                await it.until(lambda wanted=seq: wanted in receiver.seqs)  # type: ignore[misc]
                await it.quiet()
    assert [registration.interval_seconds for registration in receiver.registrations] == [5.0, 60.0]


async def test_a_changed_setting_that_cannot_be_told_does_not_stop_the_samples(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    async with receiving(receiver, places):
        async with rig(places) as it:
            await it.uplink.offer(make_batch(1))
            await it.quiet()
        places.token.unlink()
        async with rig(places, dataclasses.replace(SETTINGS, interval_seconds=60.0)) as it:
            await it.uplink.offer(make_batch(2))
            await it.quiet()
    # A batch whose answer came too late is sent again.
    assert list(dict.fromkeys(receiver.seqs)) == [1, 2]
    assert "host_not_updated reason=cannot read token" in caplog.text


async def test_a_batch_on_its_way_when_the_server_dies_is_on_disk_and_arrives_later(places: Places) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        async with receiving(receiver, places):
            await it.uplink.offer(make_batch(1))
            await receiver.taken(1)
            await it.uplink.settle()
        await it.uplink.offer(make_batch(2))
        await it.failed()
        await it.uplink.settle()
        assert it.uplink.totals().spool_batches == 1
        # It comes back on another port: the note in run/ is read again.
        async with receiving(receiver, places):
            await it.until(lambda: len(receiver.batches) >= 2)
    assert receiver.seqs == [1, 2]
    assert len(receiver.registrations) == 1


async def test_what_was_not_delivered_is_delivered_by_the_next_start(places: Places) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        for seq in (1, 2, 3):
            await it.uplink.offer(make_batch(seq))
    async with receiving(receiver, places), rig(places) as it:
        await receiver.taken(3)
    assert receiver.seqs == [3, 2, 1]
    assert [batch.boot for batch in receiver.batches] == ["boot-1"] * 3


async def test_a_batch_in_flight_at_the_end_is_kept(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.quiet()
        receiver.hold = asyncio.Event()
        await it.uplink.offer(make_batch(2))
        await it.until(lambda: len(receiver.tokens) == 3)
    receiver.hold.set()
    async with receiving(receiver, places), rig(places) as it:
        await it.until(lambda: 2 in receiver.seqs)
    assert set(receiver.seqs) == {1, 2}


@pytest.mark.parametrize(
    "error",
    [
        OverloadedError("cannot take batch: full", retry_after_seconds=30),
        RateLimitedError("cannot take batch: slow down", retry_after_seconds=30),
        DiskFullError("cannot take batch: disk full"),
        NagareError("cannot take batch: a bug"),
    ],
)
async def test_a_batch_is_kept_while_the_server_says_not_now(places: Places, error: NagareError) -> None:
    receiver = Receiver()
    asked = []

    def busy(batch: Batch) -> NagareError | None:
        asked.append(batch.seq)
        return error if len(asked) <= 2 else None

    receiver.refuse = busy
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        if getattr(error, "retry_after_seconds", None):
            await it.clock.advance(29)
            await asyncio.sleep(0.02)
            assert len(asked) == 1
        await it.until(lambda: len(receiver.batches) >= 1)
        assert (it.uplink.totals().failures, it.uplink.totals().resent) == (2, 2)
    assert receiver.seqs == [1]


@pytest.mark.parametrize(
    "error",
    [
        InputError("cannot accept document: wrong\x1b shape"),
        BodyTooLargeError("cannot accept body: too large"),
        CardinalityError("cannot take table 1001: too many"),
    ],
)
async def test_a_batch_that_can_never_succeed_is_set_aside_told_and_blocks_nobody(
    places: Places, error: NagareError
) -> None:
    receiver = Receiver()
    receiver.refuse = lambda batch: error if batch.seq in (1, 2) else None
    async with receiving(receiver, places), rig(places) as it:
        for seq in (1, 2, 3):
            await it.uplink.offer(make_batch(seq))
        await receiver.taken(1)
        await it.until(lambda: it.uplink.counters.get("set_aside") == 2)
        await it.quiet()
        assert it.uplink.totals().dropped == 2
        [event] = it.box.take()
    assert receiver.seqs == [3]
    assert event["kind"] == "agent.batch_refused"
    assert "\x1b" not in str(event["text"])
    kept = [Packed.from_record(path.read_bytes()) for path in (places.spool / "set-aside").iterdir()]
    assert sorted(packed.body for packed in kept) == sorted([make_batch(1).body, make_batch(2).body])


async def test_while_the_server_is_away_nobody_waits_for_the_next_try(places: Places) -> None:
    async with rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed()
        await it.uplink.settle()
        # The delay of the failure never passes: the clock stands.
        await it.uplink.offer(make_batch(2))
        async with asyncio.timeout(10):
            await it.uplink.settle()
        assert it.uplink.totals().spool_batches == 2


async def test_rows_that_a_wrong_clock_makes_future_are_counted_and_told_once_a_minute(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(refused=[Refusal("load", [0, 1], "2026: ahead by \x1b an hour")])
    async with receiving(receiver, places), rig(places) as it:
        for seq in range(1, 11):
            await it.uplink.offer(make_batch(seq))
            await it.uplink.settle()
        assert it.uplink.counters.get("refused_rows") == 20
        await it.clock.advance(61)
        await it.uplink.offer(make_batch(11))
        await it.uplink.settle()
    said = [record.getMessage() for record in caplog.records if "rows_refused" in record.getMessage()]
    assert said[0] == "rows_refused rows_total=2 table=load reason=2026: ahead by ␛ an hour"
    assert len(said) == 2


async def test_a_lost_registration_is_made_again(places: Places) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await receiver.taken(1)
        receiver.host_token = "host-token-2"
        receiver.refuse = lambda _: (
            UnauthenticatedError("cannot go on: unknown token") if receiver.tokens[-1] == "host-token-1" else None
        )
        await it.uplink.offer(make_batch(2))
        await it.until(lambda: len(receiver.batches) >= 2)
    assert receiver.seqs == [1, 2]
    assert receiver.tokens == [ADMIN, "host-token-1", "host-token-1", ADMIN, "host-token-2"]


async def test_a_host_that_may_not_register_again_says_so_and_recovers_when_its_token_is_known_again(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await receiver.taken(1)
        places.token.unlink()
        receiver.refuse = lambda _: UnauthenticatedError("cannot go on: unknown token")
        await it.uplink.offer(make_batch(2))
        await it.failed(1)
        await it.hurry()
        await it.failed(2)
        receiver.refuse = lambda _: None
        await it.until(lambda: len(receiver.batches) >= 2)
    assert receiver.seqs == [1, 2]
    assert set(receiver.tokens) == {ADMIN, "host-token-1"}
    said = [record.getMessage() for record in caplog.records if "uplink_down" in record.getMessage()]
    assert len(said) == 2
    assert "no such file" in said[1]
    assert not any("token-1" in line or ADMIN in line for line in caplog.text.splitlines())


async def test_a_refusal_that_a_new_token_does_not_mend_loses_nothing(places: Places) -> None:
    receiver = Receiver()
    receiver.refuse = lambda _: PermissionDeniedError("cannot take batch: not yours")
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        await it.hurry()
        await it.failed(2)
        # A new token did not help: from here on a person is needed, and waited for.
        await it.clock.advance(29)
        await it.uplink.offer(make_batch(2))
        assert len(receiver.registrations) == 2
        receiver.refuse = lambda _: None
        await it.quiet()
    assert sorted(receiver.seqs) == [1, 2]


async def test_a_host_that_waits_says_so_once_sends_nothing_and_goes_on_when_accepted(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver(standing=Standing("web1", "pending", ["metrics"], 1.5))
    async with receiving(receiver, places), rig(places) as it:
        for seq in (1, 2):
            await it.uplink.offer(make_batch(seq))
            await it.failed(seq)
            # A second and a half, and up to half a second of chance.
            await it.clock.advance(2.0)
        await it.failed(3)
        assert (receiver.seqs, len(receiver.registrations)) == ([], 1)
        receiver.standing = Standing("web1", "active", ["commands", "metrics"], 300.0)
        await it.clock.advance(2.0)
        await receiver.taken(2)
        await it.quiet()
        kept = IdentityFiles(places, places.data).load()
    assert kept is not None
    assert (kept.enrolment, kept.capabilities) == ("active", ["commands", "metrics"])
    said = [record.getMessage() for record in caplog.records if "reason=" in record.getMessage()]
    reason = "cannot send samples: host web1 waits for an operator's word"
    assert said == [f"host_waits reason={reason} (on the server: nagare hosts accept web1)"]


async def test_a_host_that_waits_asks_before_it_sends_after_a_restart_too(places: Places) -> None:
    receiver = Receiver(standing=Standing("web1", "pending", ["metrics"], 1.5))
    async with receiving(receiver, places):
        for count in (1, 2):
            async with rig(places) as it:
                await it.uplink.offer(make_batch(count))
                await it.failed(1)
        assert (receiver.seqs, receiver.asked, len(receiver.registrations)) == ([], 2, 1)


async def test_a_host_without_the_capability_sends_no_samples(places: Places) -> None:
    receiver = Receiver(standing=Standing("web1", "active", ["commands"], 1.5))
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        assert receiver.seqs == []
        receiver.standing = Standing("web1", "active", ["metrics"], 300.0)
        await it.quiet()
    assert receiver.seqs == [1]


async def test_a_server_that_cannot_be_asked_gets_no_samples_without_the_first_grant(places: Places) -> None:
    receiver = Receiver(capabilities=["update"])
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        assert receiver.seqs == []
        receiver.standing = Standing("web1", "active", ["metrics"], 300.0)
        await it.quiet()
    assert receiver.seqs == [1]


async def test_a_name_that_is_taken_is_told_and_tried_seldom(places: Places, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    taken = ConflictError("cannot register host 'web1': another machine has that name", hint="choose another")
    receiver.refuse_registration = lambda _: taken
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        await it.hurry()
        await it.failed(2)
        await it.clock.advance(29)
        await asyncio.sleep(0.02)
        assert it.uplink.totals().failures == 2
        receiver.refuse_registration = lambda _: None
        await it.until(lambda: len(receiver.batches) >= 1)
    said = [record.getMessage() for record in caplog.records if "uplink_down" in record.getMessage()]
    assert said == ["uplink_down reason=cannot register host 'web1': another machine has that name (choose another)"]


@pytest.mark.parametrize(
    "error",
    [InputError("cannot accept document: labels: too many"), LimitExceededError("cannot register host: 1000 are")],
)
async def test_a_registration_that_is_refused_costs_nomake_batch(places: Places, error: NagareError) -> None:
    receiver = Receiver()
    receiver.refuse_registration = lambda _: error
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        await it.hurry()
        await it.failed(2)
        assert it.uplink.totals().dropped == 0
        receiver.refuse_registration = lambda _: None
        await it.until(lambda: len(receiver.batches) >= 1)
    assert receiver.seqs == [1]


async def test_the_name_that_the_server_gives_is_the_one_that_batches_carry(places: Places) -> None:
    receiver = Receiver(name="web1-2")
    async with receiving(receiver, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await receiver.taken(1)
        assert it.uplink.host == "web1-2"
    assert receiver.batches[0].host == "web1-2"
    assert receiver.batches[0].tables == {"load": {"ts": [1], "load1": [0.5]}}


async def test_another_server_gets_a_registration_of_its_own_and_never_the_old_token(
    places: Places, tmp_path: Path
) -> None:
    own, other = Receiver(), Receiver(host_token="other-token")
    async with receiving(own, places), rig(places) as it:
        await it.uplink.offer(make_batch(1))
        await own.taken(1)
    join = tmp_path / "join.token"
    join.write_text("join-token")
    join.chmod(0o600)
    async with receiving(other) as url:
        settings = dataclasses.replace(SETTINGS, server=url, token_file=join)
        async with rig(places, settings) as it:
            await it.uplink.offer(make_batch(2))
            await other.taken(1)
    assert other.tokens == ["join-token", "other-token"]


async def test_without_a_token_for_a_remote_server_nothing_is_sent(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    own, other = Receiver(), Receiver()
    async with (
        receiving(own, places),
        receiving(other) as url,
        rig(places, dataclasses.replace(SETTINGS, server=url)) as it,
    ):
        await it.uplink.offer(make_batch(1))
        await it.failed(1)
        assert it.uplink.totals().spool_batches == 1
    assert other.tokens == []
    assert "no token to register with" in caplog.text
    assert "agent.token_file" in caplog.text


async def test_a_disk_that_takes_nothing_costs_neither_a_batch_nor_the_agent(
    places: Places, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver()
    async with rig(places) as it:
        await it.uplink.offer(make_batch(1))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, hard))
        try:
            await it.uplink.offer(make_batch(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (it.uplink.totals().spool_batches, it.uplink.totals().dropped) == (2, 0)
        await it.uplink.offer(make_batch(3))
        async with receiving(receiver, places):
            await it.until(lambda: len(receiver.batches) >= 3)
    assert sorted(receiver.seqs) == [1, 2, 3]
    assert caplog.text.count("batch_not_stored") == 1
