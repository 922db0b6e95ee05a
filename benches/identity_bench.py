"""What it costs to know who asks: a login beside its argon2 alone, access tokens, and a caller that is limited to groups.

In one process without HTTP, on real records; CPU time of all threads, so that neighbours on the machine do not count. Logins
come over HTTP too, to a server of its own process, in turns with argon2 alone, so that both meet the same neighbours.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from benches.cost import cost_of
from benches.report import Row, Section
from nagare.client.accounts import Accounts
from nagare.client.client import BATCH_PATH, Client
from nagare.client.target import Target
from nagare.identity.passwords.hashing import Passwords
from nagare.identity.service import Identity
from nagare.identity.users.roles import Grant
from nagare.keys.signing import SigningKey, is_signed
from nagare.lib.clock import SystemClock
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.engine import Records
from nagare.wire.signature import signed_bytes
from nagare.wire.sql import SqlRequest
from nagare.wire.users import GrantView
from tests.support.metric_store import make_batch, make_store
from tests.support.processes import serving

PASSWORD = "correct horse battery"
ROOT = Principal("t", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
LOGINS, CHECKS, HOSTS, ROWS = 8, 2_000, 20, 20_000
# Of an ordinary agent, as it is sent.
BATCH_BYTES = 8 * 1024
# Seconds of CPU and of waiting.
_Spent = tuple[float, float]


async def _cpu_ms(count: int, work: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU milliseconds that one of ``count`` runs takes."""
    began = time.process_time()
    for _ in range(count):
        await work()
    return (time.process_time() - began) * 1000 / count


async def _callers(section: Section) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Records(Path(folder) / "records.db") as records:
            identity, passwords = Identity(records, SystemClock(), Path(folder) / "keys"), Passwords()
            await identity.users.add(ROOT, "ada", PASSWORD, [Grant("viewer")])
            kept = await passwords.hash(PASSWORD)
            opened = await identity.by_password.login("ada", PASSWORD, address="")
            argon2 = await _cpu_ms(LOGINS, lambda: passwords.compare(PASSWORD, kept))
            login = await _cpu_ms(LOGINS, lambda: identity.by_password.login("ada", PASSWORD, address=""))
            section.rows.append(Row("a login", login, "ms CPU", argon2, "argon2 alone", argon2 * 1.2))
            fresh = await _cpu_ms(200, lambda: identity.access_tokens.verify(opened.access))
            section.rows.append(Row("an access token seen for the first time: its signature", fresh * 1000, "µs CPU"))
            again = await _cpu_ms(CHECKS, lambda: identity.authenticate(opened.access))
            section.rows.append(Row("an access token seen again", again * 1000, "µs CPU", promise=100))
            secret = await identity.issue_host_token("h1", "web1")
            host = await _cpu_ms(CHECKS, lambda: identity.authenticate(secret))
            section.rows.append(Row("a host's token", host * 1000, "µs CPU", promise=100))
            secrets = [opened.refresh]

            async def refresh() -> None:
                secrets[0] = (await identity.sessions.refresh(secrets[0])).refresh

            section.rows.append(Row("a refresh", await _cpu_ms(100, refresh), "ms CPU"))
            passwords.close()
            await identity.__aexit__(None, None, None)


async def _logins_over_http(section: Section) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "data") as server:
        passwords, target = Passwords(), Target(server.url, server.token)
        kept = await passwords.hash(PASSWORD)
        async with Client(target, deadline_seconds=60) as admin:
            await Accounts(admin).add_user("ada", PASSWORD, [GrantView("viewer")])
        async with Client(replace(target, token=""), deadline_seconds=60) as client:
            accounts = Accounts(client)
            # The first makes the key of tokens and loads what only logins need.
            await accounts.login("ada", PASSWORD)
            alone, login = list[_Spent](), list[_Spent]()
            for _ in range(LOGINS):
                alone.append(await _spent(time.process_time, lambda: passwords.compare(PASSWORD, kept)))
                login.append(
                    await _spent(
                        lambda: cost_of(server.process.pid).cpu_seconds, lambda: accounts.login("ada", PASSWORD)
                    )
                )
        passwords.close()
    # What is told in ticks of ten milliseconds tells something as a mean; of waiting, the one that met no neighbours.
    bare, whole = (statistics.mean(cpu for cpu, _ in each) * 1000 for each in (alone, login))
    beside = "argon2 alone, in turns"
    section.rows.append(Row("a login over HTTP, the server's part", whole, "ms CPU", bare, beside, bare * 1.2))
    # No promise: the server compares at a lower priority, so the wait is the neighbours' to choose.
    bare, whole = (min(wait for _, wait in each) * 1000 for each in (alone, login))
    section.rows.append(Row("a login over HTTP, the fastest wait", whole, "ms", bare, beside))


async def _spent(cpu_seconds: Callable[[], float], work: Callable[[], Awaitable[object]]) -> _Spent:
    """Return the seconds of CPU that ``work`` costs where ``cpu_seconds`` looks, and those that it takes."""
    cpu, began = cpu_seconds(), time.perf_counter()
    await work()
    return cpu_seconds() - cpu, time.perf_counter() - began


async def _signed(section: Section) -> None:
    """Measure what a signature adds to a batch, at both ends: the rest of its way is the same."""
    key, body = SigningKey.generate(), os.urandom(BATCH_BYTES)

    async def sign_and_check() -> None:
        signature = key.sign(signed_bytes(BATCH_PATH, "zstd", body))
        assert is_signed(key.public_key, signature, signed_bytes(BATCH_PATH, "zstd", body))

    cost = await _cpu_ms(CHECKS, sign_and_check)
    what = f"a signed batch of {BATCH_BYTES // 1024} KiB costs over an unsigned one, agent and server together"
    section.rows.append(Row(what, cost, "ms CPU", promise=0.3))


async def _limited(section: Section) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()
        async with make_store(Path(folder), clock=clock) as store:
            now = clock.now_ms() - ROWS * 1000
            for number in range(HOSTS):
                cpu = {"ts": [now + step * 1000 for step in range(ROWS)], "core": ["all"] * ROWS}
                cpu["user_ratio"] = [(step % 97) / 97 for step in range(ROWS)]
                await store.append(make_batch(1, {"cpu": cpu}, host=f"host{number}"))
            await store.flush()
            sql = SqlRequest("SELECT host, max(user_ratio), count(*) FROM cpu WHERE user_ratio < 0.9 GROUP BY host")
            everyone = frozenset(f"host{number}" for number in range(HOSTS))
            await _cpu_ms(5, lambda: store.query(sql))
            whole = await _cpu_ms(20, lambda: store.query(sql))
            limited = await _cpu_ms(20, lambda: store.query(sql, hosts=everyone))
            what = f"SQL over {HOSTS * ROWS:,} rows for a caller limited to groups that have all hosts"
            section.rows.append(Row(what, limited, "ms CPU", whole, "one that is not limited"))


def run() -> Section:
    """Measure all of it."""
    how = "One process, no HTTP but for the logins that say so, real records and store; CPU time of all threads."
    section = Section("Who asks", how)
    asyncio.run(_callers(section))
    asyncio.run(_logins_over_http(section))
    asyncio.run(_signed(section))
    asyncio.run(_limited(section))
    return section
