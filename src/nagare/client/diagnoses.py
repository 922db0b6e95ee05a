"""Calls about diagnoses: asking what is wrong, and what was found before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from nagare.client.client import Client
from nagare.client.problems import error_of
from nagare.errors import InputError, UnavailableError
from nagare.lib.names import path_name
from nagare.wire.codec import decode
from nagare.wire.diagnosis import (
    DiagnoseRequest,
    DiagnosisBrief,
    DiagnosisLine,
    DiagnosisList,
    DiagnosisView,
    FaultLine,
    FoundLine,
    PromptList,
    RatingRequest,
    StageLine,
    WordsLine,
)

if TYPE_CHECKING:
    from nagare.net.lines import LineStream

_DIAGNOSES = "/api/v1/diagnoses"
_FOLLOW = "/api/v1/diagnose/follow"
_LINE: Any = DiagnosisLine
_JOB_SQL = "SELECT job FROM commands WHERE id = $id LIMIT 1"
# The server says every second that it lives.
_SILENCE_SECONDS = 45.0
# Of one answer; more come in pages.
_PAGE = 500


class DiagnosisCalls:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def diagnose(self, request: DiagnoseRequest) -> DiagnosisView:
        """Ask what is wrong. Raises NotFoundError for a host or an alert that there is not, OverloadedError, DeadlineExceededError."""
        return await self._client.send("POST", "/api/v1/diagnose", request, DiagnosisView)

    async def follow(self, request: DiagnoseRequest) -> AsyncGenerator[StageLine | WordsLine | FoundLine]:
        """Ask what is wrong and yield how far it is; the last line has what was found. Closing it ends the work at the server.

        Raises as ``diagnose`` does, and UnavailableError where the connection is lost before the end.
        """
        stream = await self._client.open_lines(_FOLLOW, document=request)
        try:
            while (content := await _received(stream)) is not None:
                line = _read(content)
                if isinstance(line, FaultLine):
                    raise error_of(line.problem, request="diagnose")
                if line is not None:
                    yield line
                if isinstance(line, FoundLine):
                    return
        finally:
            await stream.close()
        raise UnavailableError("cannot diagnose: the connection was closed before the end", hint="ask again")

    async def rate(self, id_: str, request: RatingRequest) -> DiagnosisView:
        """Say whether a diagnosis helped, and return it. Raises NotFoundError, PermissionDeniedError."""
        return await self._client.send("PUT", f"{_DIAGNOSES}/{path_name(id_)}/rating", request, DiagnosisView)

    async def job_of(self, command_id: str) -> str:
        """Return the job of a command that evidence cites, empty where it is not known any more."""
        reply = await self._client.sql(_JOB_SQL, {"id": command_id})
        return str(reply.rows[0][0]) if reply.rows else ""

    async def preview(self, request: DiagnoseRequest) -> PromptList:
        """Ask what a model would be told first; nothing is sent."""
        return await self._client.send("POST", "/api/v1/diagnose/preview", request, PromptList)

    async def diagnoses(self, limit: int = 50, **wanted: str) -> list[DiagnosisBrief]:
        """Return at most ``limit`` diagnoses, the newest first; ``wanted``: host, alert."""
        found: list[DiagnosisBrief] = []
        page = ""
        while len(found) < limit:
            query = {**wanted, "limit": str(min(limit - len(found), _PAGE)), "page": page}
            answer = await self._client.fetch(
                _DIAGNOSES, DiagnosisList, {name: text for name, text in query.items() if text}
            )
            found += answer.diagnoses
            if not answer.next:
                break
            page = answer.next
        return found

    async def diagnosis(self, id_: str) -> DiagnosisView:
        """Return a diagnosis. Raises NotFoundError."""
        return await self._client.fetch(f"{_DIAGNOSES}/{path_name(id_)}", DiagnosisView)

    async def remove(self, id_: str) -> None:
        """Forget a diagnosis. Raises NotFoundError."""
        await self._client.send("DELETE", f"{_DIAGNOSES}/{path_name(id_)}", None, None)


async def _received(stream: LineStream) -> bytes | None:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await stream.receive()
    except TimeoutError as error:
        raise UnavailableError(f"cannot diagnose: nothing was heard for {_SILENCE_SECONDS:g} s") from error


def _read(content: bytes) -> StageLine | WordsLine | FoundLine | FaultLine | None:
    """Return the line; None for an empty one, which says that the server lives, and for one of a newer server."""
    try:
        line: StageLine | WordsLine | FoundLine | FaultLine = decode(content, _LINE)
    except InputError:
        return None
    return line
