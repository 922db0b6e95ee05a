"""How far a diagnosis is, in one line of a terminal while it lasts; Ctrl-C ends it at the server too."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from nagare.cli.console.diagnostics import ProgressLine
from nagare.errors import UnavailableError

if TYPE_CHECKING:
    from nagare.client.client import Client
    from nagare.wire.diagnosis import DiagnoseRequest, DiagnosisView, StageLine, WordsLine

# Of what one investigator wrote, what the line can show the end of.
_WRITTEN_LIMIT = 8_000


async def followed(client: Client, request: DiagnoseRequest, *, is_quiet: bool) -> DiagnosisView:
    """Ask, show how far it is, and return what was found. Raises errors of ``nagare.errors``."""
    from nagare.client.diagnoses import DiagnosisCalls
    from nagare.wire.diagnosis import FoundLine

    written: dict[str, str] = {}
    with contextlib.closing(ProgressLine(is_quiet=is_quiet)) as shown:
        async with contextlib.aclosing(DiagnosisCalls(client).follow(request)) as lines:
            async for line in lines:
                if isinstance(line, FoundLine):
                    return line.diagnosis
                shown.show(_cut(told(line, written)))
    raise UnavailableError("cannot diagnose: the server said nothing of what it found")


def told(line: StageLine | WordsLine, written: dict[str, str]) -> str:
    """Return ``line`` for a person; ``written`` keeps what each investigator wrote so far, of which nothing is verified yet."""
    from nagare.client.diagnosis_text import readable, stage_text
    from nagare.wire.diagnosis import StageLine

    if isinstance(line, StageLine):
        return f"{stage_text(line)} …"
    written[line.asker] = (written.get(line.asker, "") + line.text)[-_WRITTEN_LIMIT:]
    return f"{line.asker} writes: {readable(written[line.asker])}"


def _cut(text: str) -> str:
    """Return the end of a long text: what is new stands there."""
    room = max(20, shutil.get_terminal_size().columns - 1)
    return text if len(text) <= room else "…" + text[len(text) - room + 1 :]
