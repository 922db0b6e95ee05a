"""Tells PromQL from SQL by how it begins, so that who brings a rule of Prometheus is told the way and not a place in a grammar. Pure."""

from __future__ import annotations

import re

WAY_OUT = "one SELECT, with rate(), increase() and time_bucket() (docs/how-to/alerts.md, A rule of Prometheus)"
# A statement, or one that is refused as such where it is asked.
_SQL = frozenset(
    (
        "select",
        "with",
        "from",
        "values",
        "explain",
        "describe",
        "show",
        "summarize",
        "pivot",
        "unpivot",
        "table",
        "insert",
        "update",
        "delete",
        "merge",
        "create",
        "drop",
        "alter",
        "truncate",
        "copy",
        "attach",
        "detach",
        "call",
        "pragma",
        "set",
        "reset",
        "install",
        "load",
        "export",
        "import",
        "use",
        "begin",
        "commit",
        "vacuum",
    )
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# What follows a name in PromQL: a selector, a range, an argument, an operator, or nothing.
_AFTER = re.compile(r"\s*(?:$|[(){\[<>=!+*/%^-]|(?:by|without|offset|and|or|unless|bool)\b)")


def is_promql(text: str) -> bool:
    """Tell whether ``text`` has the shape of PromQL; of what is neither that nor SQL the engine says what is wrong."""
    bare = _COMMENT.sub(" ", text).lstrip(" \t\r\n(+-")
    if not bare:
        return False
    word = _WORD.match(bare)
    if word is None:
        return bare[0] == "{" or bare[0].isdigit()
    return word[0].lower() not in _SQL and _AFTER.match(bare, word.end()) is not None
