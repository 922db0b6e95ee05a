"""Foreign text made harmless for a terminal: no escapes, no controls, no direction tricks."""

from __future__ import annotations

import re

# C0 and C1 controls and DEL steer terminals; bidi controls reorder what a person reads (CVE-2021-42574);
# zero-width characters and tags hide text; line separators break a line; lone surrogates cannot be encoded.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in "\t\n\r":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\N{REPLACEMENT CHARACTER}"


def plain(text: str, limit: int | None = None) -> str:
    """Return ``text`` on one line with every harmful character made visible, cut to ``limit`` characters."""
    # Nearly every text; screens make thousands of them plain at a time.
    cleaned = text if text.isascii() and text.isprintable() else _HARMFUL.sub(_visible, text)
    if limit is not None and len(cleaned) > limit:
        return cleaned[: limit - 1] + "…" if limit > 0 else ""
    return cleaned


def plain_lines(text: str) -> str:
    """Like ``plain``, but line breaks and tabs stay."""
    return "\n".join(plain(line.replace("\t", "    ")) for line in text.splitlines())
