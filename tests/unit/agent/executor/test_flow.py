import asyncio

from nagare.agent.executor.flow import Flow
from nagare.errors import ConnectFailedError
from nagare.wire.commands import CHUNK_LIMIT_BYTES, INITIAL_CREDIT_BYTES, FromAgent, OutputChunk

ID = "0b6f2d52-7a55-4c3e-9a39-6ad1a3a5a9e1"


class _Sent:
    def __init__(self) -> None:
        self.chunks: list[OutputChunk] = []
        self.is_gone = False

    async def send(self, frame: FromAgent) -> None:
        if self.is_gone:
            raise ConnectFailedError("gone")
        assert isinstance(frame, OutputChunk)
        self.chunks.append(frame)

    def total(self) -> int:
        return sum(len(chunk.data) for chunk in self.chunks)


async def test_what_is_long_goes_in_pieces_with_their_offsets() -> None:
    flow, sent = Flow(ID), _Sent()
    flow.attach(sent)
    await flow.send("stdout", 7, b"x" * (CHUNK_LIMIT_BYTES + 5))
    assert [(chunk.offset, len(chunk.data)) for chunk in sent.chunks] == [
        (7, CHUNK_LIMIT_BYTES),
        (7 + CHUNK_LIMIT_BYTES, 5),
    ]


async def test_without_a_connection_nobody_waits() -> None:
    flow = Flow(ID)
    await flow.send("stdout", 0, b"x" * 100)
    assert flow.unsent_bytes == 100


async def test_credit_is_waited_for_and_a_lost_connection_ends_the_wait() -> None:
    flow, sent = Flow(ID), _Sent()
    flow.attach(sent)
    await flow.send("stdout", 0, b"x" * INITIAL_CREDIT_BYTES)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(flow.send("stdout", INITIAL_CREDIT_BYTES, b"y"))
        await asyncio.sleep(0)
        assert not waiting.done()
        flow.add_credit(1)
        await waiting
        lost = tasks.create_task(flow.send("stdout", INITIAL_CREDIT_BYTES + 1, b"z"))
        await asyncio.sleep(0)
        flow.detach()
        await lost
    assert sent.total() == INITIAL_CREDIT_BYTES + 1
    assert flow.unsent_bytes == 1


async def test_a_server_that_stalls_loses_output_until_it_gives_credit() -> None:
    flow, sent = Flow(ID, stall_seconds=0.01), _Sent()
    flow.attach(sent)
    await flow.send("stdout", 0, b"x" * (INITIAL_CREDIT_BYTES + CHUNK_LIMIT_BYTES))
    assert flow.unsent_bytes == CHUNK_LIMIT_BYTES
    await flow.send("stdout", 1, b"lost")
    flow.add_credit(2**20)
    await flow.send("stdout", 2, b"seen")
    assert sent.chunks[-1].data == b"seen"
    assert flow.unsent_bytes == CHUNK_LIMIT_BYTES + 4


async def test_a_connection_that_is_gone_does_not_stop_the_program() -> None:
    flow, sent = Flow(ID), _Sent()
    flow.attach(sent)
    sent.is_gone = True
    await flow.send("stdout", 0, b"x")
    assert flow.unsent_bytes == 1
