"""What a bench found, as rows beside their peer, for a terminal or a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One figure. ``beside`` is the peer or baseline of the same run; ``promise`` is what we said we would keep."""

    what: str
    value: float
    unit: str
    beside: float | None = None
    beside_name: str = ""
    promise: float | None = None
    # True where a larger figure is the better one.
    more_is_better: bool = False

    @property
    def is_kept(self) -> bool | None:
        """Whether the promise holds here; None without one."""
        if self.promise is None:
            return None
        return self.value >= self.promise if self.more_is_better else self.value <= self.promise

    def cells(self) -> list[str]:
        """Return the row as texts."""
        beside = f"{_number(self.beside)} {self.unit} ({self.beside_name})" if self.beside is not None else ""
        ratio = f"{self.value / self.beside:.2f}x" if self.beside else ""
        promise = (
            "" if self.promise is None else f"{'≥' if self.more_is_better else '≤'} {_number(self.promise)} {self.unit}"
        )
        verdict = {None: "", True: "kept", False: "missed"}[self.is_kept]
        return [self.what, f"{_number(self.value)} {self.unit}", beside, ratio, promise, verdict]


@dataclass
class Section:
    """The rows of one bench and a sentence on how they were measured."""

    title: str
    how: str
    rows: list[Row] = field(default_factory=list)


Bench = Callable[[], Section]
HEADINGS = ["what", "nagare", "beside", "ratio", "promise", ""]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_text(sections: Sequence[Section]) -> str:
    """Return every section as a table for a terminal."""
    lines = []
    for section in sections:
        table = [HEADINGS, *(row.cells() for row in section.rows)]
        widths = [max(len(cells[index]) for cells in table) for index in range(len(HEADINGS))]
        lines += ["", section.title, f"  {section.how}"]
        lines += [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
            for cells in table
        ]
    return "\n".join(lines)


def as_markdown(sections: Sequence[Section], where: str, page: str = "") -> str:
    """Return the page ``docs/reference/benchmarks.md``: ``sections``, measured ``where``, in ``page`` as it was before.

    What was not measured now stays as it stands there.
    """
    made = {section.title: _as_part(section, where) for section in sections}
    parts = {part.partition("\n")[0]: part.strip() for part in page.split("\n## ")[1:]}
    return "\n\n".join([_TOP, *(f"## {part}" for part in (parts | made).values())]) + "\n"


_TOP = """# Benchmarks

Written by `make bench-docs`; `make bench` prints the same. `make bench-docs ARGS="--only foreign"` measures one part anew and leaves the
others as they are; `make peers` fetches what is measured beside. Figures depend on the machine, so each stands beside a peer or a baseline
measured in the same run: read the ratio."""


def _as_part(section: Section, where: str) -> str:
    lines = [section.title, "", section.how, "", f"{where}.", "", "| " + " | ".join(HEADINGS) + " |"]
    lines += ["|" + " --- |" * len(HEADINGS), *("| " + " | ".join(row.cells()) + " |" for row in section.rows)]
    return "\n".join(lines)
