"""Takes out of a text what must not leave: secrets, tokens, mail addresses, and what the user's own patterns name. Pure.

A secret in a log line is no evidence of anything; where one stood is still told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from nagare.errors import ConfigError

MASK = "‹redacted›"
# A pattern of the user's that runs away holds the loop: what it is matched against is this long at the most.
# Our own begin at the beginning of a word and never try a shorter run again, so that they take time by the length alone.
TEXT_LIMIT = 8_000
_KEPT_NAMES = r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth|cookie|session[_-]?id)"
# Names whose value is a secret though a blank stands before it. A host or a unit may be called auth1 or token-svc, and
# what follows its colon is what is said of it.
_PLAIN_NAMES = r"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|cookie|authorization)"
# What stands between a name and its value: after a colon without a blank, what may be a port is none.
_TO_VALUE = r"(?:[\"']\s*+[:=]\s*+[\"']?+|\s*+=\s*+[\"']?+|:(?:\s*+[\"']|(?!\d{1,5}(?![\w-]))))"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), replacement)
    for pattern, replacement in (
        # PEM blocks, cut off or not.
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", MASK),
        # Of one whose beginning was cut off, everything before its end.
        (r"\A.*?-----END [A-Z ]*PRIVATE KEY-----", MASK),
        # JSON web tokens, then keys that say whose they are.
        (r"(?<![\w-])(?=(?:[\w-]*-)?(?-i:eyJ))[\w-]{11,}+\.[\w-]{8,}+(?:\.[\w-]*+)?", MASK),
        (r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}", MASK),
        (r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,})", MASK),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", MASK),
        (r"\bAIza[\w-]{30,}", MASK),
        (r"\bnagare_[A-Za-z0-9_-]{16,}", MASK),
        # Authorization: scheme and what follows.
        (r"\b(bearer|basic|digest)\s+[A-Za-z0-9+/=._~-]{8,}", rf"\1 {MASK}"),
        # user:password@ of a URL.
        (r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,200}:[^\s/@]{1,200}@", rf"\1{MASK}@"),
        # name=value, name:value and "name": "value", also within a longer name.
        (
            rf"((?<![\w-])(?=[\w-]*{_KEPT_NAMES})[\w-]++{_TO_VALUE})(?!{MASK})[^\s\"',;&]{{1,400}}",
            rf"\1{MASK}",
        ),
        (
            rf"((?<![\w-])(?=[\w-]*{_PLAIN_NAMES}(?![\w-]))[\w-]++[\"']?\s*+:\s*+[\"']?+)(?!{MASK})[^\s\"',;&]{{1,400}}",
            rf"\1{MASK}",
        ),
        # --name value.
        (
            rf"((?<![\w-])--?+(?=[\w-]*{_KEPT_NAMES})[\w-]++\s++)(?!{MASK})[^\s\"',;&-][^\s\"',;&]{{0,400}}",
            rf"\1{MASK}",
        ),
        # Mail addresses.
        (r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b", MASK),
        # Long hexadecimal and base64 words with digits and letters mixed: keys more often than not.
        (r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{40,}\b", MASK),
    )
)


def make_redactor(patterns: Iterable[str] = ()) -> Callable[[str], str]:
    """Return what redacts a text, cut to ``TEXT_LIMIT`` characters; ``patterns`` are the user's own regular expressions.

    Raises ConfigError for a bad one.
    """
    own = tuple((_compiled(pattern), MASK) for pattern in patterns)

    def redact(text: str) -> str:
        text = text[:TEXT_LIMIT]
        for pattern, replacement in (*own, *_PATTERNS):
            text = pattern.sub(replacement, text)
        return text

    return redact


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"cannot use pattern {pattern[:80]!r} of diagnosis.redact: {error}") from error
