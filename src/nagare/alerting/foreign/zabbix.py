"""The interface of one Zabbix: its version is asked once a session, its token is read anew each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nagare.alerting.foreign.store import WriteBack
from nagare.config.secrets import read_secret
from nagare.errors import ConnectFailedError, UnavailableError
from nagare.interop.zabbix_api import (
    Update,
    acknowledge_params,
    has_mark,
    mark_of,
    messages_params,
    read_result,
    read_version,
    request,
)
from nagare.model.alert.monitor import Monitor
from nagare.net.api import ApiSession
from nagare.net.trust import Trust

ANSWER_LIMIT_BYTES = 16 * 2**20
_SECONDS = 15.0
_VERBS = {
    "acknowledge": Update.ACKNOWLEDGE, "unacknowledge": Update.UNACKNOWLEDGE, "resolve": Update.CLOSE, "comment": Update.MESSAGE,
}  # fmt: skip


class ZabbixApi:
    """What can be asked of one that answers."""

    def __init__(self, session: ApiSession, token: str, version: tuple[int, int]) -> None:
        """Keep the open session, the token, and the version that it told."""
        self._session = session
        self._token = token
        self._version = version

    async def call(self, method: str, params: Any) -> Any:
        """Return the result. Raises what ``read_result`` does, and ConnectFailedError, BodyTooLargeError, UnavailableError."""
        return await _call(self._session, method, params, self._token, self._version)

    async def write(self, found: WriteBack) -> None:
        """Tell Zabbix what somebody did. Raises as ``call`` does; InputError is for good."""
        mark = mark_of(found.id)
        if found.tries > 1 and has_mark(
            await self.call("event.get", messages_params(found.event, self._version)), mark
        ):
            # It came there, and its answer did not come here.
            return
        message = f"{found.actor} in Nagare: {found.text} {mark}"
        await self.call("event.acknowledge", acknowledge_params(found.event, _VERBS[found.verb], message))


@asynccontextmanager
async def zabbix_api(monitor: Monitor) -> AsyncIterator[ZabbixApi]:
    """Give the interface of ``monitor`` once it has told its version. Raises as ``call`` does, and ConfigError."""
    token = await asyncio.to_thread(read_secret, monitor.secret_file, monitor.secret_env)
    trust = Trust(Path(monitor.ca_file)) if monitor.ca_file else Trust()
    async with ApiSession(monitor.url, limit_bytes=ANSWER_LIMIT_BYTES, trust=trust) as session:
        # Only a call without a token says it to everybody.
        version = read_version(await _call(session, "apiinfo.version", {}, "", (0, 0)))
        yield ZabbixApi(session, token, version)


async def _call(session: ApiSession, method: str, params: Any, token: str, version: tuple[int, int]) -> Any:
    body, headers = request(method, params, token, version)
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await session.post(body, headers)
    except TimeoutError as error:
        raise ConnectFailedError(f"cannot use interface of Zabbix: no answer within {_SECONDS:g} s") from error
    if answer.status >= 500:
        raise ConnectFailedError(f"cannot use interface of Zabbix: it answers {answer.status}")
    if answer.status != 200:
        raise UnavailableError(f"cannot use interface of Zabbix: it answers {answer.status}")
    return read_result(answer.body)
