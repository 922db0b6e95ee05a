"""Which events tell of a change: a deploy, a release, a configuration. One list for charts and for diagnoses. Pure."""

from __future__ import annotations

import re
from typing import Final

# Expressions that the database and Python read alike. Kinds and texts, in small letters, that tell of a change.
CHANGE_WORDS: Final = (
    "deploy|release|rollout|rollback|upgrade|updated|install|config|reload|migrat|scaled|maintenance|restart|reboot"
)
# Kinds by which the server tells of what stands elsewhere.
TOLD_ELSEWHERE: Final = "^(alert|notification|incident|heartbeat|command)"
# Deeds of the audit log that can change how hosts do, or what alerts say of them: not who logged in or asked what.
CHANGING_DEEDS: Final = (
    "^(rules|schedules|tasks|updates|maintenance|silences|roles)[.]|^hosts[.](label|accept|revoke|remove)$"
)

_CHANGES = re.compile(CHANGE_WORDS)
_ELSEWHERE = re.compile(TOLD_ELSEWHERE)


def tells_of_change(kind: str, text: str) -> bool:
    """Tell whether an event of that kind and text tells of a change."""
    return _ELSEWHERE.match(kind) is None and _CHANGES.search(f"{kind} {text}".lower()) is not None
