"""A page in Markdown cut into passages, each below its headings: what is indexed, cited and shown.

Headings inside fenced code are code. What is long is cut between paragraphs, then between lines, so that every passage is a
run of whole lines of its page: the lines that are cited hold exactly its text. Pure, linear, and it raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nagare.diagnosis.kb.front_matter import FrontMatter, read_front_matter

# A screenful: enough for a person to act on, and little enough for a model.
PASSAGE_LIMIT = 1800
PASSAGES_LIMIT = 2000
_HEADING_LIMIT = 200
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_PLAIN_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of lines: from ``first`` to ``last``, counted from 1 and both included, with the headings that stand above."""

    headings: tuple[str, ...]
    first: int
    last: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title (empty where it says none), what stands at its beginning, and its passages."""

    title: str
    front: FrontMatter
    chunks: tuple[Chunk, ...]


def lines_of(text: str) -> list[str]:
    """Return the lines of a page as editors count them."""
    return text.split("\n")


def read_page(text: str) -> Page:
    """Return the page that ``text`` is."""
    lines = lines_of(text)
    front = read_front_matter(lines)
    sections = list(_sections(lines, front.lines))
    title = front.first("title", "name") or next((one.path[0] for one in sections if one.path), "")
    chunks = [chunk for one in sections if one.has_body for chunk in _cut(lines, one)]
    if not chunks and any(line.strip() for line in lines[front.lines :]):
        # Headings alone: the page is one passage, for its words are all it has.
        chunks = list(_cut(lines, _Section((), front.lines, len(lines))))
    return Page(title[:_HEADING_LIMIT], front, tuple(chunks[:PASSAGES_LIMIT]))


@dataclass(slots=True)
class _Section:
    """Lines from ``begin`` up to ``end``, counted from 0, below ``path``."""

    path: tuple[str, ...]
    begin: int
    end: int
    has_body: bool = True


def _sections(lines: Sequence[str], begin: int) -> Iterator[_Section]:
    levels = list[tuple[int, str]]()
    section = _Section((), begin, begin, has_body=False)
    for number, level, heading, is_body in _marked(lines, begin):
        if level:
            yield section
            levels = [one for one in levels if one[0] < level] + [(level, heading)]
            section = _Section(tuple(text for _, text in levels if text), number, number, has_body=False)
        section.end = number + 1
        section.has_body = section.has_body or is_body
    yield section


def _marked(lines: Sequence[str], begin: int) -> Iterator[tuple[int, int, str, bool]]:
    """Yield each line's number, the level and text of the heading that begins there (0: none), and whether it is body."""
    fence, underlined = "", -1
    for number in range(begin, len(lines)):
        line = lines[number][:_PLAIN_LIMIT]
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            yield number, 0, "", True
        elif mark:
            fence = mark[1]
            yield number, 0, "", True
        elif number == underlined:
            yield number, 0, "", False
        elif heading := _ATX.match(line):
            yield number, len(heading[1]), _text(_unclosed(line[heading.end() :])), False
        elif level := _underline(lines, number, begin):
            underlined = number + 1
            yield number, level, _text(line), False
        else:
            yield number, 0, "", bool(line.strip())


def _underline(lines: Sequence[str], number: int, begin: int) -> int:
    """Return the level of a heading of one line with a rule below it, 0 where this line is none."""
    if (
        number + 1 >= len(lines)
        or not lines[number].strip()
        or lines[number].startswith(("    ", "\t", "-", "*", ">", "|"))
    ):
        return 0
    if number > begin and lines[number - 1].strip():
        return 0
    rule = _SETEXT.match(lines[number + 1][:_PLAIN_LIMIT])
    return 0 if rule is None else 1 if rule[1].startswith("=") else 2


def _unclosed(rest: str) -> str:
    """Return what stands behind a heading's mark without the one that closes it, which has a blank before it."""
    rest = rest.strip(" \t")
    cut = rest.rstrip("#")
    return cut.rstrip(" \t") if not cut or cut.endswith((" ", "\t")) else rest


def _text(heading: str) -> str:
    return heading.strip().strip("*_`").strip()[:_HEADING_LIMIT]


def _cut(lines: Sequence[str], section: _Section) -> Iterator[Chunk]:
    begin, end = section.begin, section.end
    while begin < end and not lines[begin].strip():
        begin += 1
    while end > begin and not lines[end - 1].strip():
        end -= 1
    while begin < end:
        stop = _stop(lines, begin, end)
        last = stop
        while last > begin + 1 and not lines[last - 1].strip():
            last -= 1
        yield Chunk(section.path, begin + 1, last, "\n".join(lines[begin:last]))
        begin = stop
        while begin < end and not lines[begin].strip():
            begin += 1


def _stop(lines: Sequence[str], begin: int, end: int) -> int:
    """Return where the passage that begins there ends: before ``PASSAGE_LIMIT``, between paragraphs where it can."""
    size, gap, has_body = 0, 0, False
    for number in range(begin, end):
        size += len(lines[number]) + 1
        # A heading is never left alone.
        if has_body and size > PASSAGE_LIMIT:
            return gap or number
        if has_body and not lines[number].strip():
            gap = number
        has_body = has_body or (number > begin and bool(lines[number].strip()))
    return end
