"""What screens ask about alerts, silences and rules: the seam between them and the client's calls, which fit it as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertDetail, AlertView, RuleList, RuleView, SilenceRequest, SilenceView, WhyView


class AlertSeam(Protocol):
    """Every call may raise NagareError."""

    async def alerts(self, limit: int = 100, **wanted: str) -> list[AlertView]:
        """Return at most ``limit`` alerts, what changed last first."""
        ...

    async def alert(self, alert_id: str) -> AlertDetail:
        """Return an alert and what happened to it."""
        ...

    async def why(self, alert_id: str) -> WhyView:
        """Return why people are told of it, or are not."""
        ...

    async def acknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Take it in hand."""
        ...

    async def unacknowledge(self, alert_id: str, text: str = "") -> AlertView:
        """Give it back."""
        ...

    async def resolve(self, alert_id: str, text: str = "") -> AlertView:
        """End it by hand."""
        ...

    async def comment(self, alert_id: str, text: str) -> AlertView:
        """Note something about it."""
        ...


class SilenceSeam(Protocol):
    """Every call may raise NagareError."""

    async def silences(self) -> list[SilenceView]:
        """Return silences, the newest first."""
        ...

    async def add(self, request: SilenceRequest) -> SilenceView:
        """Make a silence."""
        ...

    async def end(self, silence_id: str) -> SilenceView:
        """End a silence now."""
        ...


class RuleSeam(Protocol):
    """Every call may raise NagareError."""

    async def rules(self) -> RuleList:
        """Return rules and how they do."""
        ...

    async def rule(self, name: str) -> RuleView:
        """Return a rule and how it does."""
        ...

    async def remove(self, name: str, revision: int | None = None) -> None:
        """Delete one that was saved at the server."""
        ...
