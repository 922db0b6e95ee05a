"""One contract for every bus: publishing, consuming, and what becomes of what nobody acks."""

import asyncio
import re

import pytest

from nagare.bus.message import DATA_LIMIT_BYTES, PUBLISH_LIMIT, Message
from nagare.bus.protocol import ConsumerSpec, Lag
from nagare.bus.subjects import partition_of
from nagare.errors import BodyTooLargeError, InputError, NotFoundError, OverloadedError
from tests.support.buses import PATIENCE_SECONDS, Store, fetch_all, lag_becomes, until

# Long enough that no deadline passes by itself, and short enough to wait for one.
LONG, SHORT = 60.0, 0.4


def _spec(store: Store, name: str = "reader", **more: object) -> ConsumerSpec:
    return ConsumerSpec(**{"stream": store.work, "name": name, "ack_seconds": LONG, **more})  # type: ignore[arg-type]


async def test_what_is_published_is_read_whole_and_in_order(store: Store) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8", "X": ""}
    sent = [Message(f"{store.work}.k{n % 3}", bytes([n]) * n, f"id-{n}", f"key{n}", headers) for n in range(50)]
    async with store.open() as bus:
        acks = await bus.publish(sent)
        assert [ack.duplicate for ack in acks] == [False] * 50
        assert {ack.stream for ack in acks} == {store.work}
        consumer = await bus.consumer(_spec(store))
        found = await fetch_all(consumer, 50)
        assert [delivery.message for delivery in found] == sent
        assert [delivery.seq for delivery in found] == [ack.seq for ack in acks] == sorted({ack.seq for ack in acks})
        assert {delivery.attempt for delivery in found} == {1}
        assert found[0].published_at.tzinfo is not None


async def test_an_id_is_stored_once(store: Store) -> None:
    async with store.open() as bus:
        first = await bus.publish([store.message("a"), store.message("b")])
        again = await bus.publish([store.message("b"), store.message("c"), store.message("c"), store.message("a")])
        assert [ack.duplicate for ack in again] == [True, False, True, True]
        assert [again[0].seq, again[3].seq] == [first[1].seq, first[0].seq]
        assert again[1].seq == again[2].seq
    async with store.open() as bus:
        assert [ack.duplicate for ack in await bus.publish([store.message("a"), store.message("d")])] == [True, False]
        consumer = await bus.consumer(_spec(store))
        assert [delivery.message.id for delivery in await fetch_all(consumer, 4)] == ["a", "b", "c", "d"]
        assert await consumer.fetch() == []


async def test_many_publishers_at_one_time_lose_nothing(store: Store) -> None:
    async with store.open() as bus:
        acks = await asyncio.gather(*(bus.publish([store.message(f"m{n}")]) for n in range(500)))
        assert len({ack[0].seq for ack in acks}) == 500
        consumer = await bus.consumer(_spec(store))
        found = {delivery.seq: delivery.message.id for delivery in await fetch_all(consumer, 500)}
        assert found == {ack[0].seq: f"m{n}" for n, ack in enumerate(acks)}


async def test_what_is_acked_never_comes_again(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message(f"m{n}") for n in range(4)])
        consumer = await bus.consumer(_spec(store, ack_seconds=SHORT))
        found = await fetch_all(consumer, 4)
        await asyncio.gather(found[0].ack(), found[2].ack())
    async with store.open() as bus:
        consumer = await bus.consumer(_spec(store, ack_seconds=SHORT))
        again = await fetch_all(consumer, 2)
        assert sorted((delivery.message.id, delivery.attempt) for delivery in again) == [("m1", 2), ("m3", 2)]
        for delivery in again:
            await delivery.ack()
        await lag_becomes(consumer, Lag(0, 0))


async def test_what_is_not_acked_in_time_comes_again(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("a")])
        consumer = await bus.consumer(_spec(store, ack_seconds=SHORT))
        (first,) = await fetch_all(consumer, 1)
        (second,) = await fetch_all(consumer, 1)
        assert (first.attempt, second.attempt, second.message) == (1, 2, first.message)
        # Work that is done is done, though somebody else has it by now.
        await first.ack()
        await lag_becomes(consumer, Lag(0, 0))


async def test_a_nak_brings_it_again_at_once_or_later(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("a"), store.message("b")])
        consumer = await bus.consumer(_spec(store))
        first, second = await fetch_all(consumer, 2)
        await first.nak(delay_seconds=SHORT)
        await second.nak()
        again = await fetch_all(consumer, 2)
        assert [(delivery.message.id, delivery.attempt) for delivery in again] == [("b", 2), ("a", 2)]


async def test_a_sign_of_work_is_taken(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("a")])
        consumer = await bus.consumer(_spec(store))
        (delivery,) = await fetch_all(consumer, 1)
        await delivery.in_progress()
        await delivery.in_progress()
        await delivery.ack()
        await lag_becomes(consumer, Lag(0, 0))


async def test_after_its_last_delivery_a_message_is_a_dead_letter(store: Store) -> None:
    async with store.open() as bus:
        sent = Message(f"{store.work}.a", b"poison", "p", "k", {"X-Kind": "bad"})
        (ack,) = await bus.publish([sent])
        consumer = await bus.consumer(_spec(store, deliver_limit=3))
        for attempt in (1, 2, 3):
            (delivery,) = await fetch_all(consumer, 1)
            assert delivery.attempt == attempt
            await delivery.nak()
        assert await consumer.fetch() == []
        (letter,) = await bus.dead_letters(store.work)
        assert letter.message == sent
        assert (letter.stream, letter.consumer, letter.seq) == (store.work, "reader", ack.seq)
        assert (letter.deliveries, letter.reason) == (3, "delivered 3 times without an ack")
        await lag_becomes(consumer, Lag(0, 0))


async def test_deadlines_that_pass_wear_a_message_out_too(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("a")])
        consumer = await bus.consumer(_spec(store, deliver_limit=2, ack_seconds=SHORT))
        for _ in range(2):
            await fetch_all(consumer, 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await bus.dead_letters(store.work):
                assert await consumer.fetch(wait_seconds=SHORT) == []
        await lag_becomes(consumer, Lag(0, 0))


async def test_who_gives_up_says_why(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message(f"m{n}") for n in range(3)])
        consumer = await bus.consumer(_spec(store))
        for delivery in await fetch_all(consumer, 3):
            await delivery.term(f"cannot read line {delivery.seq}:\r\n\u00e9")
        letters = await bus.dead_letters(store.work)
        assert [letter.message.id for letter in letters] == ["m0", "m1", "m2"]
        assert re.fullmatch(r"cannot read line \d+: \\xe9", letters[0].reason)
        rest = await bus.dead_letters(store.work, after=letters[0].dead_seq, limit=1)
        assert [letter.message.id for letter in rest] == ["m1"]
        assert await bus.dead_letters(store.strict) == []
    async with store.open() as bus:
        assert len(await bus.dead_letters(store.work)) == 3


async def test_the_lag_counts_what_waits_and_what_is_out(store: Store) -> None:
    async with store.open() as bus:
        consumer = await bus.consumer(_spec(store))
        await lag_becomes(consumer, Lag(0, 0))
        await bus.publish([store.message(f"m{n}") for n in range(10)])
        await lag_becomes(consumer, Lag(10, 0))
        found = await fetch_all(consumer, 4)
        await lag_becomes(consumer, Lag(6, 4))
        await found[0].ack()
        await found[1].nak(delay_seconds=LONG)
        await lag_becomes(consumer, Lag(6, 3))


async def test_no_more_are_out_than_may_be(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message(f"m{n}") for n in range(10)])
        consumer = await bus.consumer(_spec(store, unacked_limit=3))
        first = await fetch_all(consumer, 3)
        assert await consumer.fetch() == []
        waiting = asyncio.gather(consumer.fetch(wait_seconds=PATIENCE_SECONDS))
        await first[1].ack()
        ((fourth, *_),) = await waiting
        assert fourth.message.id == "m3"


async def test_a_fetch_waits_for_the_first_message_and_not_for_more(store: Store) -> None:
    async with store.open() as bus:
        consumer = await bus.consumer(_spec(store))
        assert await consumer.fetch(10) == []
        async with asyncio.timeout(PATIENCE_SECONDS / 2):
            fetch = asyncio.gather(consumer.fetch(10, wait_seconds=PATIENCE_SECONDS))
            await bus.publish([store.message("a")])
            ((delivery,),) = await fetch
        assert delivery.message.id == "a"


async def test_readers_of_one_name_share_and_others_see_all(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message(f"m{n}") for n in range(20)])
        one, two = await bus.consumer(_spec(store)), await bus.consumer(_spec(store))
        other = await bus.consumer(_spec(store, "other"))
        shared = [*await fetch_all(one, 7), *await fetch_all(two, 13)]
        assert sorted(delivery.seq for delivery in shared) == [found.seq for found in await fetch_all(other, 20)]


async def test_a_consumer_may_be_limited_to_subjects(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message(f"m{n}", "abc"[n % 3]) for n in range(30)])
        wanted = (f"{store.work}.a", f"{store.work}.c")
        consumer = await bus.consumer(_spec(store, subjects=wanted))
        await lag_becomes(consumer, Lag(20, 0))
        found = await fetch_all(consumer, 20)
        assert {delivery.message.subject for delivery in found} == set(wanted)
        assert await consumer.fetch() == []
        with pytest.raises(InputError):
            await bus.consumer(_spec(store, "wrong", subjects=(f"{store.strict}",)))


async def test_messages_of_one_key_share_a_partition(store: Store) -> None:
    async with store.open() as bus:
        sent = [Message(store.keyed, b"", f"m{n}", f"channel {n % 20}".replace(" ", "-")) for n in range(60)]
        await bus.publish(sent)
        found = []
        for member in range(2):
            subjects = tuple(f"{store.keyed}.{number}" for number in range(member, 8, 2))
            spec = ConsumerSpec(store.keyed, f"member{member}", subjects, LONG)
            lag = await (consumer := await bus.consumer(spec)).lag()
            found += [delivery.message for delivery in await fetch_all(consumer, lag.waiting)]
        assert {message.id: message.subject for message in found} == {
            message.id: f"{store.keyed}.{partition_of(message.key, 8)}" for message in sent
        }
        for key in {message.key for message in sent}:
            places = [int(message.id[1:]) for message in found if message.key == key]
            assert places == sorted(places)
        with pytest.raises(InputError):
            await bus.publish([Message(store.keyed, b"", "no-key")])


async def test_a_consumer_may_begin_with_what_comes(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("old")])
        consumer = await bus.consumer(_spec(store, only_new=True))
        await bus.publish([store.message("new")])
        assert [delivery.message.id for delivery in await fetch_all(consumer, 1)] == ["new"]


async def test_a_removed_consumer_begins_anew(store: Store) -> None:
    async with store.open() as bus:
        await bus.publish([store.message("a")])
        consumer = await bus.consumer(_spec(store))
        (delivery,) = await fetch_all(consumer, 1)
        await delivery.ack()
        await bus.remove_consumer(store.work, "reader")
        with pytest.raises(NotFoundError):
            await bus.remove_consumer(store.work, "reader")
        with pytest.raises(NotFoundError):
            await consumer.fetch()
        consumer = await bus.consumer(_spec(store))
        assert [delivery.attempt for delivery in await fetch_all(consumer, 1)] == [1]


async def test_a_full_stream_rejects_or_drops_its_oldest(store: Store) -> None:
    async with store.open() as bus:
        for n in range(10):
            await bus.publish([Message(store.strict, b"", f"m{n}")])
        with pytest.raises(OverloadedError, match="full"):
            await bus.publish([Message(store.strict, b"", "eleventh")])
        # A repeat needs no room.
        assert (await bus.publish([Message(store.strict, b"", "m3")]))[0].duplicate
        short = f"{store.name}short"
        await bus.publish([Message(short, b"", f"m{n}") for n in range(35)])
        consumer = await bus.consumer(ConsumerSpec(short, "reader"))
        assert [found.message.id for found in await fetch_all(consumer, 10)] == [f"m{n}" for n in range(25, 35)]
        await lag_becomes(consumer, Lag(0, 10))


async def test_subscribers_see_what_is_published_meanwhile(store: Store) -> None:
    async with store.open() as bus, asyncio.timeout(PATIENCE_SECONDS):
        await bus.publish([store.message("before")])
        async with (
            bus.subscribe(f"{store.work}.*") as every,
            bus.subscribe(f"{store.work}.b", f"{store.strict}") as some,
        ):
            sent = [store.message("a"), store.message("b", "b"), Message(store.strict, b"x", "s", "k", {"X-A": "1"})]
            await bus.publish(sent)
            assert [await anext(every), await anext(every)] == sent[:2]
            assert [await anext(some), await anext(some)] == sent[1:]
            assert every.dropped == 0


async def test_a_slow_subscriber_loses_the_oldest_and_can_tell(store: Store) -> None:
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        store.open() as bus,
        bus.subscribe(f"{store.work}.>", limit=5) as slow,
    ):
        await bus.publish([*(store.message(f"m{n}") for n in range(20)), store.message("last", "z")])
        await until(lambda: slow.dropped >= 16)
        assert [(await anext(slow)).id for _ in range(5)] == ["m16", "m17", "m18", "m19", "last"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"subject": "nobody.has.this"}, NotFoundError),
        ({"subject": "dead.work"}, NotFoundError),
        ({"subject": "a..b"}, InputError),
        ({"subject": "work.*"}, InputError),
        ({"id": ""}, InputError),
        ({"id": "a b"}, InputError),
        ({"key": "two words"}, InputError),
        ({"headers": {"Nats-Msg-Id": "x"}}, InputError),
        ({"headers": {"X": "a\r\nb"}}, InputError),
        ({"headers": {"X": " a"}}, InputError),
        ({"headers": {f"X{n}": "v" * 1000 for n in range(17)}}, BodyTooLargeError),
        ({"data": bytes(DATA_LIMIT_BYTES + 1)}, BodyTooLargeError),
    ],
)
async def test_what_may_not_be_published_is_refused_with_all_beside_it(
    store: Store, change: dict[str, object], error: type[Exception]
) -> None:
    async with store.open() as bus:
        fields = {"subject": f"{store.work}.a", "data": b"", "id": "bad", **change}
        with pytest.raises(error):
            await bus.publish([store.message("good"), Message(**fields)])  # type: ignore[arg-type]
        await lag_becomes(await bus.consumer(_spec(store)), Lag(0, 0))


async def test_the_largest_message_goes_through(store: Store) -> None:
    async with store.open() as bus:
        headers = {f"X{n}": "v" * 1000 for n in range(15)}
        sent = Message(f"{store.work}.a", bytes(DATA_LIMIT_BYTES), "i" * 200, "k" * 200, headers)
        await bus.publish([sent])
        consumer = await bus.consumer(_spec(store))
        (delivery,) = await fetch_all(consumer, 1)
        assert delivery.message == sent
        await delivery.term("r" * 1000)
        assert [letter.message for letter in await bus.dead_letters(store.work)] == [sent]


@pytest.mark.parametrize(
    "change", [{"name": "a b"}, {"name": ""}, {"ack_seconds": 0}, {"deliver_limit": 0}, {"unacked_limit": 0}]
)
async def test_a_consumer_that_cannot_be_is_refused(store: Store, change: dict[str, object]) -> None:
    async with store.open() as bus:
        with pytest.raises(InputError):
            await bus.consumer(_spec(store, **{"name": "reader", **change}))  # type: ignore[arg-type]
        with pytest.raises(NotFoundError):
            await bus.consumer(_spec(store, stream="nowhere"))


async def test_nothing_is_published_of_nothing_nor_of_too_much(store: Store) -> None:
    async with store.open() as bus:
        assert await bus.publish([]) == []
        with pytest.raises(InputError, match="at most"):
            await bus.publish([store.message("m")] * (PUBLISH_LIMIT + 1))
