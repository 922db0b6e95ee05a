"""docs/reference/shipped-rules.md: the rules that come with the package, and the page of each."""

from __future__ import annotations

from nagare.config.alert_rules.guides import find_guide
from nagare.config.alert_rules.load import shipped_rules
from nagare.lib.units import format_seconds
from nagare.model.alert.rule import Comparison, Rule

_TOP = """# Shipped rules

Written by `make docs` from `src/nagare/config/alert_rules`. These rules are judged unless `alerts.shipped` is off. A rule of the same
name in the folder that `alerts.rules` names stands in the place of a shipped one. `nagare rules guide NAME` prints the page of one.

| rule | severity | condition | what it tells |
| --- | --- | --- | --- |
"""
_INHIBITIONS = """
## What holds back what

"""


def shipped_rules_page() -> str:
    """Return the page."""
    found = shipped_rules()
    rows = [
        f"| [{rule.name}](#{rule.name.lower()}) | {rule.severity.name.lower()} | {_condition(rule)} | {rule.text} |\n"
        for _, rule in sorted(found.rules.items())
    ]
    held = [
        f"- `{one.name}`: alerts with `{', '.join(map(str, one.targets))}` are held back by one with "
        f"`{', '.join(map(str, one.sources))}` of the same {', '.join(f'`{name}`' for name in one.equal)}.\n"
        for one in found.inhibitions
    ]
    pages = [_page(rule) for _, rule in sorted(found.rules.items())]
    return _TOP + "".join(rows) + _INHIBITIONS + "".join(held) + "\n" + "\n".join(pages)


def _condition(rule: Rule) -> str:
    what = "any row" if rule.fires is None else f"value {_written(rule.fires)}"
    held = f" for {_time(rule.for_seconds)}" if rule.for_seconds else ""
    over = f", until {_written(rule.resolves)}" if rule.resolves is not None else ""
    return f"{what}{held}{over}; over {_time(rule.window_seconds)}, every {_time(rule.every_seconds)}"


def _written(comparison: Comparison) -> str:
    return f"{comparison.sign} {comparison.bound:,.10g}"


def _time(seconds: float) -> str:
    return format_seconds(seconds).removesuffix("00s").removesuffix("00m")


def _page(rule: Rule) -> str:
    """Return its guide below the headings of this page, with its statement."""
    lines = (find_guide(rule.name) or f"# {rule.name}\n").splitlines()
    lowered = [f"#{line}" if line.startswith("#") else line for line in lines]
    return "\n".join([*lowered[:2], "```sql", rule.sql, "```", *lowered[1:], ""])
