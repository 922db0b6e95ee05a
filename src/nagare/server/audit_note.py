"""What a route tells the audit log of the change that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class AuditNote:
    """What a route tells of its change: the name of what is changed, and JSON values of it without secrets."""

    target: str = ""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    detail: str = ""
    # What went well is not on record: routine of a route whose refusals are.
    is_quiet: bool = False
    # What went well is on record already: the entry was written with the change, in one transaction.
    is_kept: bool = False

    def tell(
        self,
        target: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        detail: str = "",
    ) -> None:
        """Keep what is given; what was told before and is not given again stays."""
        self.target = target or self.target
        self.before = self.before if before is None else before
        self.after = self.after if after is None else after
        self.detail = detail or self.detail
