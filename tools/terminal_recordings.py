"""Records what real programs write to a terminal, and how another terminal, tmux, shows it after each step.

``python -m tools.terminal_recordings FOLDER [NAME…]`` writes ``NAME.cast`` (asciicast v2, a marker after each step) and ``NAME.screens.json``.
It needs tmux, unshare and the programs; each runs as process 1 of a namespace on a host of the name web1, so that a recording shows
nothing of the machine that made it. Tests replay them: an emulator of ours must come to the same screens.
"""

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nagare.ssh.terminal.core import CellStyle
from nagare.ssh.terminal.ghostty import GhosttyCore

COLUMNS, ROWS = 80, 24
_QUIET_SECONDS = 0.7
_LONGEST_STEP_SECONDS = 15.0
_ENVIRONMENT = {
    "TERM": "xterm-256color",
    "COLORTERM": "truecolor",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "SHELL": "/bin/sh",
}
_RETURN, _ESCAPE, _DOWN, _LEADER = "\r", "\x1b", "\x1b[B", "\x02"

_CONFIG = "\n".join(
    [
        "# Settings of a service that does not exist; 設定ファイル, żółty",
        "[server]",
        'listen = "127.0.0.1:8080"  # loopback alone',
        "workers = 4",
        "ratio = 0.75",
        "",
        *(f'route{number} = "/v1/things/{number}"' for number in range(40)),
    ]
)


@dataclass(frozen=True)
class Session:
    """A program, the files that it finds, and what is typed, step by step."""

    argv: Sequence[str]
    steps: Sequence[str]
    files: dict[str, str] = field(default_factory=dict)
    before: str = ""
    # Steps at which tmux 3.3 errs by what the program itself says of its screen (margins after a wrap, the mode of the origin, the set of
    # the United Kingdom): what our first core shows is written there, and was looked at.
    by_eye: Sequence[int] = ()


SESSIONS = {
    "vim": Session(
        ["vim", "-u", "vimrc", "service.toml"],
        [
            "",
            "5G3wv2e",
            _ESCAPE + "/things/2" + _RETURN,
            "V5j",
            _ESCAPE + ":vsplit" + _RETURN,
            "o" + "wide 漢字 ok",
            _ESCAPE + "dd2J",
            ":q!" + _RETURN,
        ],
        {
            "service.toml": _CONFIG,
            "vimrc": "syntax on\nset termguicolors hlsearch number background=dark laststatus=2\nset directory=. nomodeline",
        },
    ),
    "tmux": Session(
        ["tmux", "-L", "recorded", "-f", "tmux.conf", "new-session", "sh"],
        [
            "",
            "ls --color=always" + _RETURN,
            _LEADER + "%",
            "printf '\\033[1;31mred\\033[0m \\033[4:3mcurly\\033[0m\\n'" + _RETURN,
            _LEADER + '"',
            "seq 40" + _RETURN,
            _LEADER + "[" + "\x15",
            "q" + _LEADER + "z",
            _LEADER + "z" + _LEADER + "o",
        ],
        {
            "tmux.conf": "set -g status-right ''\nset -g escape-time 0\nset -g default-command 'PS1=\"$ \" sh'",
            "notes.txt": "x",
        },
    ),
    "htop": Session(
        ["htop", "-d", "200"],
        ["", _DOWN + _DOWN, "t", "\x1bOQ", _DOWN * 3, _ESCAPE, "h", _ESCAPE, "/sleep" + _RETURN, "q"],
        before="sleep 1000 & sleep 2000 & sh -c 'sleep 3000; :' &",
    ),
    "fish": Session(
        [
            "fish",
            "--no-config",
            "--private",
            "--init-command",
            "function fish_prompt; set_color blue; echo -n 'web1 '; set_color normal; echo -n '> '; end; function fish_greeting; end",
        ],
        [
            "",
            "echo 'hello' | sort --rev",
            "\x15ls -",
            "\t",
            "\x03",
            "for i in 1 2 3" + _RETURN + "echo $i" + _RETURN + "end" + _RETURN,
            "if tru",
            "\x15no_such_program" + _RETURN,
        ],
        {"notes.txt": "x", "service.toml": _CONFIG},
    ),
    "vttest-cursor": Session(["vttest"], ["", "1" + _RETURN, *[_RETURN] * 5], by_eye=[2, 3, 4]),
    "vttest-screen": Session(["vttest"], ["", "2" + _RETURN, *[_RETURN] * 14], by_eye=[11]),
    "vttest-characters": Session(
        ["vttest"], ["", "3" + _RETURN, "8" + _RETURN, _RETURN, "9" + _RETURN, _RETURN], by_eye=[2, 4]
    ),
    "vttest-insert-delete": Session(["vttest"], ["", "8" + _RETURN, *[_RETURN] * 13]),
}


def main(folder: Path, names: Sequence[str]) -> None:
    """Record each session and what tmux makes of it."""
    for name in names or SESSIONS:
        steps = list(_run(SESSIONS[name]))
        screens = _shown_by_tmux(steps)
        for step in SESSIONS[name].by_eye:
            screens[step] = _shown_by_us(steps[: step + 1])
        header: dict[str, Any] = {"version": 2, "width": COLUMNS, "height": ROWS, "title": name}
        lines: list[Any] = [header]
        for number, text in enumerate(steps):
            lines += [[number + 0.0, "o", text], [number + 0.5, "m", f"step {number}"]]
        (folder / f"{name}.cast").write_text("".join(json.dumps(line) + "\n" for line in lines))
        content = "[\n" + ",\n".join(_json_of(screen) for screen in screens) + "\n]\n"
        (folder / f"{name}.screens.json").write_text(content)
        print(name, len(steps), "steps")


def _json_of(screen: list[list[Any]]) -> str:
    return "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in screen) + "\n ]"


def _run(session: Session) -> Iterator[str]:
    """Yield what the program wrote after each step."""
    core = GhosttyCore(COLUMNS, ROWS)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in session.files.items():
            Path(folder, name).write_text(content)
        pid, terminal = pty.fork()
        if pid == 0:
            _become(session, folder)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        try:
            for keys in session.steps:
                os.write(terminal, keys.encode())
                text = ""
                for chunk in _chunks(terminal):
                    core.feed(chunk)
                    os.write(terminal, core.take_replies())
                    text += decoder.decode(chunk)
                yield text
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)


def _become(session: Session, folder: str) -> None:
    os.chdir(folder)
    words = " ".join(f"'{word}'" if "'" not in word else f'"{word}"' for word in session.argv)
    # Wait for the size; the program shall not begin with another.
    script = (
        f"while [ \"$(stty size)\" != '{ROWS} {COLUMNS}' ]; do :; done; hostname web1; {session.before} exec {words}"
    )
    spaces = [
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--uts",
        *(["--user", "--map-root-user"] if os.geteuid() else []),
    ]
    found = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    os.execvpe("unshare", ["unshare", *spaces, "sh", "-c", script], {**_ENVIRONMENT, **found})


def _chunks(terminal: int) -> Iterator[bytes]:
    """Yield what comes until nothing comes any more."""
    until = time.monotonic() + _LONGEST_STEP_SECONDS
    while time.monotonic() < until and select.select([terminal], [], [], _QUIET_SECONDS)[0]:
        try:
            yield os.read(terminal, 65536)
        except OSError:  # it has ended
            return


def _shown_by_tmux(steps: Sequence[str]) -> list[list[list[Any]]]:
    """Return what tmux shows after each step: rows of runs, a text and how it looks."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder, "pipe")
        os.mkfifo(pipe)
        tmux = ["tmux", "-S", f"{folder}/socket", "-f", "/dev/null"]
        reader = f"stty raw -echo; exec cat {pipe}"
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        settings = ["set", "-g", "status", "off", ";", "set", "-g", "default-terminal", "tmux-256color"]
        subprocess.run([*tmux, *settings, ";", "new-session", "-d", *size, reader], check=True)
        try:
            with pipe.open("wb", buffering=0) as file:
                screens = []
                for text in steps:
                    file.write(text.encode())
                    screens.append(_settled(tmux))
                return screens
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)


def _shown_by_us(steps: Sequence[str]) -> list[list[Any]]:
    core = GhosttyCore(COLUMNS, ROWS)
    for text in steps:
        core.feed(text.encode())
    shown = core.rows(range(ROWS))
    return [[[run.text, *_told(run.style)] for run in shown[row]] for row in range(ROWS)]


def _told(style: CellStyle) -> list[Any]:
    flags = [name for name in sorted(_FLAGS.values()) if getattr(style, name)]
    return [style.foreground, style.background, " ".join(flags)]


def _settled(tmux: Sequence[str]) -> list[list[Any]]:
    last = ""
    while True:
        time.sleep(_QUIET_SECONDS)
        done = subprocess.run([*tmux, "capture-pane", "-p", "-e", "-N"], check=True, capture_output=True, text=True)
        if done.stdout == last:
            # How a row ends is how the next one begins.
            style = _Style()
            return [runs_of(line, style) for line in last.split("\n")[:ROWS]]
        last = done.stdout


_TOKEN = re.compile(r"\x1b\[([\d;:]*)m|([\x0e\x0f])|([^\x1b\x0e\x0f]+)")
_FLAGS = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 5: "blink", 7: "inverse", 9: "strike", 53: "overline"}
_LINES = str.maketrans("`abcdefghijklmnopqrstuvwxyz{|}~", "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")


def runs_of(line: str, style: "_Style") -> list[list[Any]]:
    """Return the runs of a line as ``tmux capture-pane -e`` writes it: text, foreground, background, words of how it looks."""
    runs, has_lines = list[list[Any]](), False
    for match in _TOKEN.finditer(line):
        codes, shift, text = match.groups()
        if shift:
            has_lines = shift == "\x0e"
        elif text:
            runs.append([text.translate(_LINES) if has_lines else text, *style.told()])
        else:
            style.take(codes)
    return runs


class _Style:
    def __init__(self) -> None:
        self.flags = set[str]()
        self.clear()

    def clear(self) -> None:
        self.foreground: Any = None
        self.background: Any = None
        self.flags.clear()

    def told(self) -> list[Any]:
        return [self.foreground, self.background, " ".join(sorted(self.flags))]

    def take(self, codes: str) -> None:
        words = iter([int(word or 0) for word in codes.replace("4:", "4;-").split(";")] if codes else [0])
        for code in words:
            if code == 0:
                self.clear()
            elif code in _FLAGS:
                self.flags.add(_FLAGS[code])
            elif code in (38, 48):
                kind = next(words)
                colour = next(words) if kind == 5 else [next(words), next(words), next(words)]
                self._colour(code == 38, colour)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._colour(True, code - 30 if code < 90 else code - 82)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self._colour(False, code - 40 if code < 100 else code - 92)
            elif code == 39:
                self.foreground = None
            elif code == 49:
                self.background = None
            elif code > 0:
                raise ValueError(f"what does {code} in {codes!r} say?")

    def _colour(self, is_foreground: bool, colour: Any) -> None:
        if is_foreground:
            self.foreground = colour
        else:
            self.background = colour


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
