"""The page of diagnoses: causes, tools, the JSON schema; for ``make docs``."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from nagare.diagnosis.evidence.tools import TOOLS
from nagare.diagnosis.rules.table import CAUSES, EXPLAINS
from nagare.wire.diagnosis import DiagnosisView

_TOP = """# Diagnoses

Written by `make docs` from `src/nagare/diagnosis` and `src/nagare/wire/diagnosis.py`. How to ask for one: [Find out what is wrong](../how-to/diagnose.md).
How one is made: [Diagnoses](../explanation/diagnosis.md).

## First line and status

```
CRITICAL - web1: file system /var is full since 10:02:00 UTC (97% sure) | hosts=1 findings=1 alerts=0 cpu=21.5%;;92 memory=40%;;95 disk=99.1%;;95 time=0.31s
```

| status | word | |
| --- | --- | --- |
| 0 | OK | nothing is wrong |
| 1 | WARNING | the worst likely finding, or open alert, is a warning |
| 2 | CRITICAL | the worst is high or critical |
| 3 | UNKNOWN | nothing came from any host, or nothing wrong was seen and something could not be looked at, or there was no answer: usage, no server, deadline, a bug, a signal; the line says why |

A finding that is less than 50 % sure makes nothing worse by itself. Readings behind the bar: how many hosts, findings and open alerts; the
highest CPU, memory and file system of all hosts; how long it took.

## Causes

| cause | what it means | explains |
| --- | --- | --- |
"""


def diagnosis_page() -> str:
    """Return the page."""
    causes = [f"| `{name}` | {text} | {_explained(name)} |" for name, text in CAUSES.items()]
    tools = [f"| `{tool.name}` | `{tool.table}` | {tool.text} |" for tool in TOOLS.values()]
    schema = json.dumps(_schema(), indent=2, ensure_ascii=False)
    head = (
        "## JSON\n\nWhat `nagare diagnose -o json` prints, `POST /api/v1/diagnose` answers and `GET /api/v1/diagnoses/{id}` has kept, "
        "as JSON Schema:"
    )
    parts = [
        _TOP + "\n".join(causes),
        "## Tools\n\nWhat evidence is asked of, each with the sight of who asks.\n\n| tool | table | what it tells |\n| --- | --- | --- |\n"
        + "\n".join(tools),
        head,
        f"```json\n{schema}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _explained(name: str) -> str:
    return ", ".join(f"`{one}`" for one in sorted(EXPLAINS.get(name, ())))


def _schema() -> dict[str, Any]:
    return msgspec.json.schema(DiagnosisView)
