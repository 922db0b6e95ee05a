"""The page docs/reference/settings.md, made from the settings themselves; `make docs` writes it."""

from nagare.config.fields import Field, all_fields, fields_of, sections
from nagare.config.origins import flag_name, variable_name
from nagare.config.settings import ProbeTarget, ScrapeJob
from nagare.config.show import format_toml

# Settings that commands take as an option too.
FLAGS = {
    "data": "every command",
    "client.server": "every command",
    "server.listen": "`serve`, `up`",
    "server.insecure": "`serve`, `up`",
    "agent.server": "`agent`",
    "agent.token_file": "`agent`",
    "top.ascii": "`top`, `plot`",
    "top.theme": "`top`",
}
HEAD = """\
# Settings

Written by `make docs` from `src/nagare/config/settings.py`.

Each setting is taken from the strongest source that names it:

1. the option typed on the command line,
2. the environment: `NAGARE_SECTION__KEY`, two underscores between section and key (`NAGARE_DATA` for the directory),
3. the file given by `--config`, else the nearest `nagare.toml` in the working directory or above it,
4. the user's file, `nagare/nagare.toml` in the configuration directory (`~/.config` on Linux),
5. the system's file, `/etc/nagare/nagare.toml`,
6. the default.

A list or a table of a stronger source replaces that of a weaker one whole. An unknown key is an error that names the
file, the line and the nearest key. A `nagare.toml` that is found by itself must belong to you or to root, and nobody else
may write it; `--config` takes any file. Relative paths start at the file's directory, or at the working directory for
options and variables.

Where the unit is seconds a duration may be written (`"30s"`, `"1h30m"`, `"7d"`), where it is bytes a size
(`"256MiB"`, `"1G"` in powers of 1024, `"10MB"` in powers of 1000). In a variable a list is `a,b`, a table `a=1,b=2`, and
`agent.probes` and `scrape` JSON arrays.

`nagare config show --origin` tells what is in force and why, `nagare config check` reads the configuration,
`nagare config init` writes a file to begin with, and `nagare config schema` prints a JSON Schema for editors.
"""


def settings_page() -> str:
    """Return the page."""
    parts = [
        HEAD,
        "## The installation\n",
        *(line for field in all_fields().values() if not field.section for line in _entry(field)),
    ]
    for name, section in sections().items():
        parts.append(f"## `[{name}]`\n")
        parts.append(_sentence(section) + "\n")
        for field in all_fields().values():
            if field.section == name:
                parts += _entry(field)
    parts += _list("[[agent.probes]]", "One table for each target of a latency probe.", ProbeTarget)
    parts += _list(
        "[[scrape]]",
        "One table for each job: exporters of one kind. See [how to](../how-to/scrape-exporters.md).",
        ScrapeJob,
    )
    return "\n".join(parts) + "\n"


def _list(heading: str, sentence: str, kind: type) -> list[str]:
    rows = [f"| `{field.key}` | `{format_toml(field.default)}` | {_meaning(field)} |" for field in fields_of(kind)]
    return [f"## `{heading}`\n", f"{sentence}\n", "| key | default | meaning |", "|---|---|---|", *rows]


def _sentence(section: type) -> str:
    text = (section.__doc__ or "").partition(": ")[2].strip()
    return text[:1].upper() + text[1:]


def _entry(field: Field) -> list[str]:
    lines = [f"### `{field.key}`\n", f"{_meaning(field)}.\n"]
    default = "the platform's user data directory" if field.key == "data" else f"`{format_toml(field.default)}`"
    facts = [f"default {default}", f"variable `{variable_name(field.key)}`"]
    if field.key in FLAGS:
        facts.append(f"option `{flag_name(field.key)}` of {FLAGS[field.key]}")
    facts.append("a change needs a restart" if field.restart else "a reload takes it up")
    return [*lines, "; ".join(facts).capitalize()[:1] + "; ".join(facts)[1:] + ".\n"]


def _meaning(field: Field) -> str:
    parts = [field.text[:1].upper() + field.text[1:]]
    if field.choices:
        parts.append("one of " + ", ".join(f"`{choice}`" for choice in field.choices))
    if field.unit:
        parts.append(f"in {field.unit}")
    if field.low is not None and field.high is not None:
        parts.append(f"from {field.low:g} to {field.high:g}")
    elif field.low is not None:
        parts.append(f"at least {field.low:g}")
    return "; ".join(parts)
