"""docs/reference/actions.md: the fields of action files, and the actions that are shipped."""

from __future__ import annotations

from nagare.config.actions.load import shipped_actions
from nagare.model.command.action import Action, Limits
from nagare.model.command.parameters import Kind, Parameter

_TOP = """# Actions

Written by `make docs` from `src/nagare/config/actions/shipped`. An action is what a command may do: fixed words, parameters that
are checked, and limits. The same file stands on the server and on the host; its hash is what people approve, and a host where the
file differs in any point refuses. Your own stand in the folder that `commands.actions` names, a file each, called by the
action's name: `site.deploy.toml`. A host reads them only where nobody but root and the agent's user can change them.

```toml
name = "site.deploy"
version = 1
title = "Deploy a release"
risk = "second-person"
run = [["/opt/site/deploy", "--release={release}", "--", "{target}"]]

[parameters.release]
type = "string"
pattern = "v[0-9]+[.][0-9]+"
text = "release, such as v1.4"

[parameters.target]
type = "choice"
choices = ["blue", "green"]

[limits]
timeout_seconds = 300
```

## Fields

| field | |
| --- | --- |
| `name` | lower case, with a dot |
| `version` | a whole number; raise it with every change of meaning |
| `title` | a sentence for people |
| `risk` | `none`, `self-confirm` (whoever asks confirms), `second-person` (somebody else must agree) |
| `run` | command lines, each a list of words; the first whose program is on the host runs. No shell is ever involved |
| `capability` | `commands`, or `shell` for what runs free-form programs |
| `needs_root` | runs as root, and only where the agent is root |
| `forks_freely` | may start any number of processes: refused where nothing on the host bounds them |
| `sees_processes` | looks at processes of the host, so a sandbox does not hide them |
| `writable` | folders that it may write where a sandbox makes everything else read-only |
| `environment` | variables with fixed values; nothing of the agent's own environment is passed on |
| `success` | exit codes that mean that it did what it should, `[0]` unless given |

A word is fixed, or holds one placeholder `{parameter}`. A placeholder becomes exactly one word (a list one for each part, an unset flag or an
optional parameter none), whatever its value holds. A word that begins with a placeholder must not become an option: put `"--"` before it, or write it
into a word such as `--count={count}`. Programs that run what they are given (`sh`, `python3`, `sudo`, `xargs` …) take parameters only with
`capability = "shell"`.

## Parameters

Every parameter may have `text`, `optional` and `default`; texts may be a `list` of up to `most` values.

| type | takes | constraints |
| --- | --- | --- |
"""
_KINDS = {
    Kind.STRING: (
        "a text without control characters",
        "`pattern` (of the whole value), `longest`, `lines` (may have several)",
    ),
    Kind.INTEGER: ("a whole number", "`low`, `high`"),
    Kind.CHOICE: ("one of some words", "`choices`"),
    Kind.FLAG: ("true or false", "`word`: the word that a set flag becomes"),
    Kind.UNIT: ("the name of a systemd unit", ""),
    Kind.PATH: ("a plain absolute path; the host follows its links, and refuses one that leads out", "`roots`"),
    Kind.PID: ("a process from 2 on", ""),
    Kind.DURATION: ("`90s`, `15m`, `2h`, `1d`; becomes seconds", "`low`, `high`, in seconds"),
    Kind.SECRET: (
        "a text of 4 to 4096 characters that no command line, file or record of ours ever holds, masked in the output",
        "`into`: `stdin`, or the name of an environment variable",
    ),
}
_LIMITS_TOP = """
## Limits

Bytes of output count for each stream, processor time, memory and file size for each process; where a control group holds the
command, its processes and memory count together too.

| field | unless given |
| --- | --- |
"""


def actions_page() -> str:
    """Return the page of actions."""
    kinds = "\n".join(f"| `{kind}` | {takes} | {constraints} |" for kind, (takes, constraints) in _KINDS.items())
    usual = Limits()
    limits = "\n".join(
        f"| `{name}` | {value} |" for name in Limits.__slots__ if (value := getattr(usual, name)) is not None
    )
    shipped = "\n".join(_action(action) for _, action in sorted(shipped_actions().items()))
    return f"{_TOP}{kinds}\n{_LIMITS_TOP}{limits}\n\n## Shipped\n\n{shipped}"


def _action(action: Action) -> str:
    lines = [
        f"### {action.name}",
        "",
        f"{action.title}. Risk: {action.risk}.{' Needs root.' if action.needs_root else ''}",
    ]
    if action.capability != "commands":
        lines[-1] += f" Needs the capability {action.capability}."
    lines += ["", *(f"    {' '.join(variant.words)}" for variant in action.variants), ""]
    lines += [_parameter(parameter) for parameter in action.parameters]
    return "\n".join([*lines, ""] if action.parameters else lines)


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f", {str(parameter.default).lower()} unless given"
    return f"- `{parameter.name}` ({parameter.kind}{default}): {parameter.text}"
