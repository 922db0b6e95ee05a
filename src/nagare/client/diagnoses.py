"""Calls about diagnoses: asking what is wrong, and what was found before."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.diagnosis import DiagnoseRequest, DiagnosisBrief, DiagnosisList, DiagnosisView, PromptList

_DIAGNOSES = "/api/v1/diagnoses"
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
