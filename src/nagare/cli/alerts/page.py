"""A guide page on a terminal: headings stand out, paragraphs fit the width, code is set in as it is. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_BOLD, _CODE_COLOR, _END = "\x1b[1m", "\x1b[36m", "\x1b[0m"
_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")
_ITEM = re.compile(r"(- |\d+\. )")
# Long lines are hard to read however wide the terminal is.
_WIDEST = 100


def page_lines(page: str, width: int, *, is_colored: bool) -> Iterator[str]:
    """Yield the lines of a page of ours; what people may copy stands alone on its line."""
    for kind, text in _parts(page):
        match kind:
            case "code":
                yield _dressed(f"    {text}", _CODE_COLOR, is_colored=is_colored)
            case "heading":
                yield _dressed(text.lstrip("# "), _BOLD, is_colored=is_colored)
            case _:
                item = _ITEM.match(text)
                begin = "" if item is None else "• " if item[1] == "- " else item[1]
                body = text[len(item[1]) :] if item else text
                filled = textwrap.wrap(
                    body, max(20, min(width, _WIDEST)), initial_indent=begin, subsequent_indent=" " * len(begin),
                    break_long_words=False, break_on_hyphens=False,
                )  # fmt: skip
                yield from _inline("\n".join(filled), is_colored=is_colored).split("\n")


def _parts(page: str) -> Iterator[tuple[str, str]]:
    """Yield headings, lines of code, empty lines and whole paragraphs."""
    is_code, paragraph = False, list[str]()
    for line in [*page.splitlines(), ""]:
        begins_anew = line.startswith(("#", "```")) or not line or _ITEM.match(line)
        if paragraph and (is_code or begins_anew):
            yield "text", " ".join(paragraph)
            paragraph = []
        if line.startswith("```"):
            is_code = not is_code
        elif is_code:
            yield "code", line
        elif line.startswith("#"):
            yield "heading", line
        elif line:
            paragraph.append(line.strip())
        else:
            yield "text", ""


def _inline(text: str, *, is_colored: bool) -> str:
    bold = _STRONG.sub(lambda found: _dressed(found[1], _BOLD, is_colored=is_colored), text)
    return _CODE.sub(lambda found: _dressed(found[1], _CODE_COLOR, is_colored=True), bold) if is_colored else bold


def _dressed(text: str, how: str, *, is_colored: bool) -> str:
    return f"{how}{text}{_END}" if is_colored and text else text
