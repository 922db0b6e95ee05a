"""``make docs``: writes the pages of docs/reference that are made from the code; a test fails when one lags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nagare.alerting.heartbeats.tables import HEARTBEATS
from nagare.alerting.notify.tables import INCIDENTS, NOTIFICATIONS
from nagare.alerting.tables import ALERTS, SILENCES
from nagare.audit.tables import AUDIT
from nagare.automation.schedules.tables import SCHEDULES
from nagare.automation.tasks.tables import TASKS
from nagare.diagnosis.tables import DIAGNOSES
from nagare.fleet.gaps.tables import GAPS
from nagare.fleet.tables import HOSTS
from nagare.model.history import COMMANDS
from nagare.model.tables import SAMPLE_TABLES, TABLES, ColumnKind, Table
from tools.docs_access import access_page
from tools.docs_actions import actions_page
from tools.docs_cli import cli_page
from tools.docs_diagnosis import diagnosis_page
from tools.docs_keys import keys_page
from tools.docs_metrics import metrics_page
from tools.docs_problems import exit_codes_page, problems_page
from tools.docs_roles import roles_page
from tools.docs_rules import shipped_rules_page
from tools.docs_settings import settings_page

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
_KINDS = {
    ColumnKind.KEY: "key",
    ColumnKind.GAUGE: "gauge",
    ColumnKind.COUNTER: "counter",
    ColumnKind.ATTRIBUTE: "attribute",
}
_TABLES_TOP = """# Tables

Written by `make docs` from `src/nagare/model/tables.py`. `nagare tables` shows the same of a live installation, with the tables
that foreign senders brought.

Every table also has `ts` (TIMESTAMP_MS, UTC) and `host` (text). A key names a series within a host, a gauge goes up and down, a
counter only rises within a boot, an attribute describes. Units stand in names: `_ratio` lies between 0 and 1, `_total` counts
since boot, `_per_second` is the mean over the interval. What a host cannot know is null, never zero.

## Rollups

Each table `t` but `events` also exists as `t_1m` and `t_1h`: a row for each host, key and minute or hour that has rows, with the begin of
it as `ts`. They are kept longer than raw rows (`storage.retention_1m_seconds`, `storage.retention_1h_seconds`) and always hold every row
that is stored, those of this second too.

| column | type | |
| --- | --- | --- |
| a key | as it is | `rank` of `process` is no key here but a number |
| `x` of a number `x` | float | the mean of the known values; of a boolean the share that is true |
| `x_min`, `x_max` | as `x` | the least and the greatest |
| `x_last` | as `x` | the last that was known: of a counter, what rates are made of |
| `x_count` | integer | how many were known; `sum(x * x_count) / sum(x_count)` is the mean of several rows |
| an attribute | as it is | the last that was known |
| `samples_count` | integer | rows |

A column that a sender named like one of these (`x_max` beside `x`) keeps its own meaning, the mean of itself.
"""

_RECORDS_TOP = """## Records

Tables that are read from the server's records when a statement names them: they have no rollups and no retention, and without a server
there are none but `commands`, which old ones leave for blocks. Who may not read hosts, commands, tasks, alerts or the audit log does not see their tables.
"""


def tables_page() -> str:
    """Return the page that describes every table of ours."""
    metrics = (*TABLES.values(), *SAMPLE_TABLES.values())
    alerting = (ALERTS, SILENCES, HEARTBEATS, NOTIFICATIONS, INCIDENTS, DIAGNOSES)
    records = (HOSTS, GAPS, AUDIT, COMMANDS, TASKS, SCHEDULES, *alerting)
    return "\n".join([_TABLES_TOP, *map(_table, metrics), _RECORDS_TOP, *map(_table, records)])


def _table(table: Table) -> str:
    lines = [f"## {table.name}", "", table.text, "", "| column | type | kind | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{column.name}` | {column.type} | {_KINDS[column.kind]} | {column.text} |"
        for column in table.columns
        if column.name not in ("ts", "host")
    ]
    return "\n".join([*lines, ""])


PAGES: dict[str, Callable[[], str]] = {
    "access.md": access_page,
    "actions.md": actions_page,
    "cli.md": cli_page,
    "exit-codes.md": exit_codes_page,
    "keys.md": keys_page,
    "metrics.md": metrics_page,
    "problems.md": problems_page,
    "roles.md": roles_page,
    "settings.md": settings_page,
    "shipped-rules.md": shipped_rules_page,
    "tables.md": tables_page,
    "diagnosis.md": diagnosis_page,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make())
        print(f"wrote {REFERENCE / name}")


if __name__ == "__main__":
    main()
