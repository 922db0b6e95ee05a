"""The page docs/reference/problems.md and reference/exit-codes.md, made from the exception tree; `make docs` writes it."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import nagare
from nagare import errors
from nagare.cli.exit_codes import EXIT_BY_ERROR, MEANINGS, exit_code_of
from nagare.errors import NagareError
from nagare.server.problems import status_of

_DEFINES_ERRORS = re.compile(r"^class \w+Error\(", re.MULTILINE)
# What a person or a program does about it.
WAY_OUT = {
    "config-invalid": "Mend the setting that the message names; `nagare config check` reads it again.",
    "input-invalid": "Change what is sent; `errors` points at each fault.",
    "query-refused": "Change the statement; the hint names the nearest table, column or function. See `nagare tables`.",
    "label-invalid": "Use letters, digits and the signs that the message lists.",
    "media-unsupported": "Send `application/json`, packed as `identity`, `gzip` or `zstd`.",
    "update-refused": "Do not install it by hand; the reason in brackets is explained in the how-to on updating agents.",
    "command-refused": "What was approved is not what would run; the reason in `errors` is explained in the page on remote commands.",
    "unauthenticated": "Send `Authorization: Bearer` with a valid token; the local one stands in `run/token`.",
    "permission-denied": "Use a token that may do this; a host's token may only send as that host.",
    "host-pending": "An operator lets the host work: `nagare hosts accept NAME`; its agent goes on by itself.",
    "not-found": "Check the name; the lists (`nagare hosts`, `nagare tables`) show what there is.",
    "conflict": "Look at what is there now, then decide.",
    "version-stale": "Read the thing again and repeat the change on the newer version.",
    "lease-lost": "Stop the work: somebody else has it.",
    "installation-locked": "One process owns a data directory. Stop the one that is named, or choose another directory.",
    "limit-exceeded": "Ask for less, or raise the setting that the message names.",
    "cardinality-exceeded": "Send fewer tables, columns or series; labels must not carry ids or times.",
    "rate-limited": "Wait as long as `Retry-After` says; the detail tells which limit it was.",
    "body-too-large": "Send smaller batches, or raise `server.body_limit_bytes` or `server.unpacked_limit_bytes`.",
    "result-too-large": "Aggregate or limit the query, or raise `query.row_limit` or `query.memory_limit_bytes`.",
    "unavailable": "Try again after `Retry-After`.",
    "connect-failed": "Check that the server runs (`nagare doctor`) and that the address is right.",
    "bucket-unavailable": "Look at the network and at `[bucket]`; what is here still answers, and what waits is sent later.",
    "not-ready": "Wait: the server is starting or stopping.",
    "overloaded": "Try again after `Retry-After`; the sender keeps what it holds.",
    "deadline-exceeded": "Ask for a shorter window, or raise the deadline that the message names.",
    "storage-failed": "Look at the server's log and at the disk.",
    "block-corrupt": "Restore the file from a backup; other blocks stay readable.",
    "segment-corrupt": "Restore the file from a backup; the records around the damage stay readable.",
    "disk-full": "Make room. Nothing that was acknowledged is lost, and writing goes on by itself.",
    "read-only": "Make the directory writable for the user that runs nagare.",
    "error": "This is a fault of the server; its log has more under the request id in `instance`.",
}  # fmt: skip
_OTHERWISE = "Change what was asked as the hint says."
# Problems that only the HTTP layer makes.
HTTP_ONLY = [
    ("request-malformed", 400, "The request is not lawful HTTP, or not for this host."),
    ("method-not-allowed", 405, "The path exists, but not for this method; `Allow` lists what does."),
    ("request-timeout", 408, "The request did not arrive in time."),
    ("expectation-failed", 417, "The `Expect` header asks for what is not done here."),
    ("http-error", 400, "Another fault of the HTTP layer; `status` says which."),
    ("internal-error", 500, "A bug of ours. The server's log has the traceback under the request id in `instance`."),
]
RETRY = {
    "unavailable",
    "bucket-unavailable",
    "connect-failed",
    "not-ready",
    "overloaded",
    "deadline-exceeded",
    "rate-limited",
}
PROBLEMS_HEAD = """\
# Problems

Written by `make docs` from `src/nagare/errors.py` and the maps of both edges.

An error over HTTP is a problem document of RFC 9457, `application/problem+json`:

```json
{"type":"problems#query-refused","title":"query refused","status":400,
 "detail":"cannot run query: there is no table 'cpuu'","instance":"01J…","code":"query-refused",
 "hint":"did you mean 'cpu'?","errors":[]}
```

`code` is stable and the anchor on this page; `detail` says what went wrong, `hint` the way out, `errors` points at each fault
of a document, `instance` is the request's id in the server's log. Commands print `detail` and `hint` on stderr, and with
`-o json` the document itself (with `status` 0 where no request was made).
"""
EXIT_HEAD = """\
# Exit codes

Written by `make docs` from `src/nagare/cli/exit_codes.py`.

| status | meaning | codes of [problems](problems.md) |
|---|---|---|
"""
EXIT_TAIL = """
`serve`, `agent` and `up` end with 0 after SIGTERM or Ctrl-C, and with 143 only when the clean end was cut short.
A status of a command killed by a signal is 128 plus its number, as shells count.

`run` and `commands follow` sum up what became of every host. The worst decides, in this order: 10 (lost), 1 (failed), 12 (cancelled),
11 (never began), 0 (all are done). A request that is refused makes no job and ends with the status of its problem. With `--detach` 0 says
that the job was made, and 130 that Ctrl-C ended the watching while the job goes on.
"""


def problems_page() -> str:
    """Return the page of problems."""
    parts = [PROBLEMS_HEAD]
    for kind in _kinds():
        retry = "yes, if the request may be repeated" if kind.code in RETRY else "no"
        parts.append(f"## `{kind.code}`\n")
        parts.append(f"{_sentence(kind)} {WAY_OUT.get(kind.code, _OTHERWISE)}\n")
        parts.append(f"HTTP {status_of(kind)}, exit status {_exit(kind)}; worth a retry: {retry}.\n")
    parts.append("## Of the HTTP layer alone\n")
    parts += ["| code | status | meaning |", "|---|---|---|"]
    parts += [f"| `{code}` | {status} | {text} |" for code, status, text in HTTP_ONLY]
    return "\n".join(parts) + "\n"


def exit_codes_page() -> str:
    """Return the page of exit codes."""
    by_exit: dict[int, list[str]] = {}
    for kind in _kinds():
        by_exit.setdefault(_exit(kind), []).append(f"[`{kind.code}`](problems.md#{kind.code})")
    rows = [f"| {code} | {text} | {', '.join(by_exit.get(code, []))} |" for code, text in MEANINGS.items()]
    return EXIT_HEAD + "\n".join(rows) + "\n" + EXIT_TAIL


def _exit(kind: type[NagareError]) -> int:
    return exit_code_of(kind.__new__(kind))


def _sentence(kind: type[NagareError]) -> str:
    text = (kind.__doc__ or "").split("\n\n")[0].partition(";")[0].strip().rstrip(".")
    return f"{text}."


def _kinds() -> Iterator[type[NagareError]]:
    """Yield every error with a code of its own that reaches an edge, in the order of the tree."""
    # Only the modules that define errors: to import all would load every heavy library.
    source = Path(nagare.__file__).parent
    for path in sorted(source.rglob("*.py")):
        if _DEFINES_ERRORS.search(path.read_text()):
            parts = path.relative_to(source.parent).with_suffix("").parts
            importlib.import_module(".".join(part for part in parts if part != "__init__"))
    yield from _walk(NagareError)


def _walk(kind: type[NagareError]) -> Iterator[type[NagareError]]:
    # An error that no map knows but by its root never leaves its room.
    if kind is NagareError or ("code" in vars(kind) and (set(kind.__mro__) - {NagareError}) & set(EXIT_BY_ERROR)):
        yield kind
    for child in sorted(kind.__subclasses__(), key=_place):
        yield from _walk(child)


def _place(kind: type[NagareError]) -> tuple[bool, int, str]:
    # Those of errors.py as they stand there, then those of the rooms by name.
    is_foreign = kind.__module__ != "nagare.errors"
    return is_foreign, 0 if is_foreign else list(vars(errors)).index(kind.__name__), kind.__name__
