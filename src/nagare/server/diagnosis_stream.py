"""A diagnosis told as it goes, a line of JSON each. It ends with its listener: who hangs up cancels the work, the model's too."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from aiohttp import hdrs, web

from nagare.diagnosis.progress import Telling
from nagare.diagnosis.question import Question
from nagare.errors import NagareError
from nagare.server.problems import problem_of
from nagare.server.route import Call
from nagare.server.services import REQUEST_ID
from nagare.wire.codec import encode
from nagare.wire.diagnosis import FaultLine, FoundLine

NDJSON = "application/x-ndjson"
# An empty line so often says that the server lives, and finds out whether anybody listens.
_BEAT_SECONDS = 1.0
# Who does not take what was written in this time is gone.
_WRITE_SECONDS = 30.0


async def tell_progress(call: Call, question: Question) -> web.StreamResponse:
    """Answer with what happens to ``question`` until it is answered, or until nobody listens any more."""
    telling = Telling(call.services.diagnoses.counters)
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: NDJSON})
    try:
        await response.prepare(call.request)
        async with asyncio.TaskGroup() as tasks:
            talk = tasks.create_task(_talk(response, telling), name="diagnose-talk")
            last = await _answered(call, replace(question, progress=telling))
            talk.cancel()
        await _write(response, _lines(telling) + encode(last) + b"\n")
        await response.write_eof()
    except* (ConnectionError, TimeoutError):
        # The group has cancelled the work: it is for nobody any more.
        call.note.tell(detail="who asked went before it was done")
        call.services.diagnoses.counters.add("abandoned")
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


async def _talk(response: web.StreamResponse, telling: Telling) -> None:
    """Write what is told as it comes, until cancelled. Raises ConnectionError, TimeoutError once nobody listens."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEAT_SECONDS):
                await telling.wait()
        await _write(response, _lines(telling) or b"\n")


def _lines(telling: Telling) -> bytes:
    return b"".join(encode(line) + b"\n" for line in telling.take())


async def _answered(call: Call, question: Question) -> FoundLine | FaultLine:
    try:
        view = await call.services.diagnoses.diagnose(question)
    except NagareError as error:
        call.note.tell(detail=error.message)
        return FaultLine(problem_of(error, call.request.get(REQUEST_ID, "")))
    told = {"diagnosis": view.id, "verdict": view.verdict}
    call.note.tell(after=told | ({"model": view.usage.model} if view.usage is not None else {}))
    return FoundLine(view)


async def _write(response: web.StreamResponse, content: bytes) -> None:
    async with asyncio.timeout(_WRITE_SECONDS):
        await response.write(content)
