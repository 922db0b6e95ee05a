"""The steps that stand in a page: the items of its lists, below the passage that fits or below the heading that says what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nagare.diagnosis.kb.chunks import Chunk, Page

STEPS_MOST = 8
_ITEM = re.compile(r"\s{0,6}(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(?P<text>\S.*)")
_TO_DO = re.compile(
    r"\b(?:what to do|to do|steps?|fix(?:es)?|mitigat\w*|remed\w*|resol\w*|procedure|runbook|actions?|recover\w*|how to)\b",
    re.IGNORECASE,
)


def steps_in(text: str) -> list[str]:
    """Return the items of the lists in ``text``, with the lines that go on below them; some at the most."""
    steps: list[str] = []
    is_open = False
    for line in text.splitlines():
        found = _ITEM.fullmatch(line)
        if found is not None:
            steps.append(found["text"].strip())
        elif line[:1].isspace() and line.strip() and is_open:
            steps[-1] = f"{steps[-1]} {line.strip()}"
        is_open = found is not None or (is_open and line[:1].isspace())
    return steps[:STEPS_MOST]


def find_steps(page: Page, fitting: Chunk) -> tuple[Sequence[str], str]:
    """Return the steps for who found ``fitting``, and the lines of the passage they stand in, as ``5-9``; none and empty without any."""
    to_do = [chunk for chunk in page.chunks if any(_TO_DO.search(heading) for heading in chunk.headings[-1:])]
    for chunk in (fitting, *to_do):
        if steps := steps_in(chunk.text):
            return steps, f"{chunk.first}-{chunk.last}"
    return (), ""
