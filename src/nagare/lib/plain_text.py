"""Foreign text made harmless for a terminal: no escapes, no controls, no direction tricks."""

from __future__ import annotations

import re

# C0 and C1 controls and DEL steer terminals; bidi controls reorder what a person reads (CVE-2021-42574);
# zero-width characters hide text; lone surrogates cannot be encoded.
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in "\t\n\r":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def plain(text: str, limit: int | None = None) -> str:
    """Return ``text`` on one line with every harmful character made visible, cut to ``limit`` characters."""
    cleaned = _HARMFUL.sub(_visible, text)
    if limit is not None and len(cleaned) > limit:
        return cleaned[: max(0, limit - 1)] + "…"
    return cleaned


def plain_lines(text: str) -> str:
    """Like ``plain``, but line breaks and tabs stay."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.splitlines())
