"""An SSH server on loopback with bash behind it, which lets one key in; says its port and the line of known_hosts."""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh

from tests.support.ssh_server import Doors, bash, ssh_server

# A shell holds one for as long as it lives, and this server one to hear its end.
_THREADS = 64


async def _serve(key_file: Path) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS))
    async with ssh_server(Doors(keys=[asyncssh.read_public_key(f"{key_file}.pub")]), program=bash) as running:
        print(running.port, running.known_line().strip(), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        # Threads that read from terminals would be waited for, and those end with this process.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
