"""Calls about alerts, silences and rules: seeing them, taking alerts in hand, keeping quiet about some, saving rules."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.lib.names import path_name
from nagare.wire.alerts import (
    AlertDeed,
    AlertDetail,
    AlertList,
    AlertView,
    RuleCheck,
    RuleCheckList,
    RuleCheckRequest,
    RuleList,
    RuleRequest,
    RuleView,
    SilenceList,
    SilenceRequest,
    SilenceView,
    WhyView,
)

_ALERTS, _SILENCES, _RULES = "/api/v1/alerts", "/api/v1/silences", "/api/v1/rules"
# Of one answer; more come in pages.
_PAGE = 500


class AlertCalls:
    """The calls about alerts, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def alerts(self, limit: int = 100, **wanted: str) -> list[AlertView]:
        """Return at most ``limit`` alerts, what changed last first; ``wanted``: state (active, or some), severity, host, rule, since_ms."""
        found: list[AlertView] = []
        page = ""
        while len(found) < limit:
            query = {**wanted, "limit": str(min(limit - len(found), _PAGE)), "page": page}
            answer = await self._client.fetch(_ALERTS, AlertList, {name: text for name, text in query.items() if text})
            found += answer.alerts
            if not answer.next:
                break
            page = answer.next
        return found

    async def alert(self, alert_id: str) -> AlertDetail:
        """Return an alert and what happened to it. Raises NotFoundError."""
        return await self._client.fetch(_alert_path(alert_id), AlertDetail)

    async def why(self, alert_id: str) -> WhyView:
        """Return, step by step, why people are told of it, or are not. Raises NotFoundError."""
        return await self._client.fetch(f"{_alert_path(alert_id)}/why", WhyView)

    async def acknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Take it in hand. Raises NotFoundError, ConflictError where it cannot be."""
        return await self._do(alert_id, "ack", text)

    async def unacknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Give it back. Raises NotFoundError, ConflictError where nobody has it."""
        return await self._do(alert_id, "unack", text)

    async def resolve(self, alert_id: str, text: str = "") -> AlertView:
        """End it by hand. Raises NotFoundError, ConflictError where it is over."""
        return await self._do(alert_id, "resolve", text)

    async def comment(self, alert_id: str, text: str) -> AlertView:
        """Note something about it. Raises NotFoundError, ConflictError."""
        return await self._do(alert_id, "comment", text)

    async def _do(self, alert_id: str, deed: str, text: str) -> AlertView:
        return await self._client.send("POST", f"{_alert_path(alert_id)}/{deed}", AlertDeed(text), AlertView)


class SilenceCalls:
    """The calls about silences, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def silences(self) -> list[SilenceView]:
        """Return silences, the newest first."""
        return (await self._client.fetch(_SILENCES, SilenceList)).silences

    async def silence(self, silence_id: str) -> SilenceView:
        """Return a silence. Raises NotFoundError."""
        return await self._client.fetch(f"{_SILENCES}/{path_name(silence_id)}", SilenceView)

    async def add(self, request: SilenceRequest) -> SilenceView:
        """Make a silence. Raises InputError for matchers that cannot be read."""
        return await self._client.send("POST", _SILENCES, request, SilenceView)

    async def end(self, silence_id: str) -> SilenceView:
        """End a silence now. Raises NotFoundError, ConflictError for one that is over."""
        return await self._client.send("DELETE", f"{_SILENCES}/{path_name(silence_id)}", None, SilenceView)


class RuleCalls:
    """The calls about rules, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Keep the client."""
        self._client = client

    async def rules(self) -> RuleList:
        """Return rules and how they do, by name, and what is wrong with their files."""
        return await self._client.fetch(_RULES, RuleList)

    async def rule(self, name: str) -> RuleView:
        """Return a rule and how it does. Raises NotFoundError."""
        return await self._client.fetch(_rule_path(name), RuleView)

    async def save(self, name: str, request: RuleRequest) -> RuleView:
        """Make a rule, or change all of one. Raises InputError, ConflictError where a file has it, StaleVersionError."""
        return await self._client.send("PUT", _rule_path(name), request, RuleView)

    async def remove(self, name: str, revision: int | None = None) -> None:
        """Delete one that came by the API. Raises NotFoundError, ConflictError for another one, StaleVersionError."""
        asked = "" if revision is None else f"?revision={revision}"
        await self._client.send("DELETE", f"{_rule_path(name)}{asked}", None, None)

    async def check(self, request: RuleCheckRequest) -> list[RuleCheck]:
        """Return what is wrong with rules, and what they would have made of the past; nothing is saved."""
        return (await self._client.send("POST", f"{_RULES}/check", request, RuleCheckList)).checks


def _rule_path(name: str) -> str:
    return f"{_RULES}/{path_name(name)}"


def _alert_path(alert_id: str) -> str:
    return f"{_ALERTS}/{path_name(alert_id)}"
