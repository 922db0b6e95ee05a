"""A machine with systemd on which a test is root: this one's file system, with /etc, /run, /var/lib and /usr/local/lib of its own.

Namespaces make it, so nothing of it is seen outside and all of it is gone at the end. Only systemd is played, by a script
that starts what the unit says as the unit's user. Who is not root outside is root inside without other users: then those
are played too.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.small_disk import NEEDS

UNIT = Path("/etc/systemd/system/nagare-agent.service")
_IS_ROOT = os.geteuid() == 0
_NAMESPACES = ["--mount"] if _IS_ROOT else ["--user", "--map-root-user", "--mount"]
# Below /usr/local/lib may stand the interpreter itself: what is there is still found.
_MAKE = """
set -e
mount -t tmpfs -o mode=0755 machine /mnt
mkdir -p /mnt/etc /mnt/there /mnt/lib
cp -a /etc/. /mnt/etc/ 2>/dev/null || :
mkdir -p /mnt/etc/systemd/system
mount --bind /usr/local/lib /mnt/there
for one in /mnt/there/*; do ln -s "$one" /mnt/lib/; done
mount --bind /mnt/etc /etc
mount --bind /mnt/lib /usr/local/lib
mount -t tmpfs -o mode=0755 var-lib /var/lib
mount -t tmpfs -o mode=0755 run /run
mkdir -p /run/systemd/system
echo made
read -r end
"""
_SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/systemctl.log
stop() {
    [ -f /run/agent.pid ] || return 0
    kill "$(cat /run/agent.pid)" 2>/dev/null || :
    while kill -0 "$(cat /run/agent.pid)" 2>/dev/null; do sleep 0.1; done
    rm /run/agent.pid
}
said() { sed -n "s/^$1=//p" /etc/systemd/system/nagare-agent.service; }
case "$1" in
    restart)
        stop
        cd / || exit 1
        user=$(said User)
        # shellcheck disable=SC2046
        env -i PATH="$PATH" setpriv --reuid "$user" --regid "$user" --init-groups -- $(said ExecStart) \\
            >>/run/agent.log 2>&1 </dev/null &
        echo $! >/run/agent.pid
        ;;
    is-active) kill -0 "$(cat /run/agent.pid)" 2>/dev/null ;;
    disable) stop ;;
esac
"""
# For a root without other users.
_PLAYED = {
    "useradd": "#!/bin/sh\n",
    "chown": "#!/bin/sh\n",
    "id": '#!/bin/sh\nif [ "$1" = -u ]; then echo 0; else echo nagare; fi\n',
    "setpriv": '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n',
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that runs."""

    holder: int
    tools: Path

    def path(self, inside: Path | str) -> Path:
        """Return the way from outside to what stands at ``inside``."""
        return Path(f"/proc/{self.holder}/root{inside}")

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], directory: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run ``argv`` there, as root, in ``directory``."""
        kinds = ["--mount"] if _IS_ROOT else ["--user", "--mount", "--preserve-credentials"]
        enter = ["nsenter", f"--target={self.holder}", *kinds]
        # It forgets where it stood.
        command = [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(directory), *argv]
        where = f"{self.tools}:/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env={**environment, "PATH": where}, timeout=180
        )


@contextmanager
def rooted(folder: Path) -> Iterator[Machine]:
    """Make a machine for the block; ``folder`` keeps its tools. Raises PermissionError where nobody may."""
    tools = folder / "tools"
    tools.mkdir()
    for name, text in {"systemctl": _SYSTEMCTL, **({} if _IS_ROOT else _PLAYED)}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    argv = ["unshare", *_NAMESPACES, "sh", "-c", _MAKE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != b"made\n":
            raise PermissionError(f"{NEEDS}; it said: {holder.stderr.read().decode()}")
        machine = Machine(holder.pid, tools)
        try:
            yield machine
        finally:
            machine.run(["systemctl", "disable"], {}, Path("/"))
            holder.stdin.close()
