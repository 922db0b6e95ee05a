"""Logging in from a terminal by an OpenID provider: real commands, a real server, a real provider."""

import asyncio
import json
import re
import stat
from pathlib import Path

from tests.component.server.loop_thread import LoopThread
from tests.support import warm
from tests.support.openid_provider import CLIENT, SECRET, OpenIdProvider, make_key, serving
from tests.support.processes import child_environment, nagare_argv, started
from tests.support.processes import serving as serving_nagare


def _environment(url: str, secret: Path, **more: str) -> dict[str, str]:
    return child_environment(
        NAGARE_OIDC__ISSUER=url,
        NAGARE_OIDC__CLIENT_ID=CLIENT,
        NAGARE_OIDC__CLIENT_SECRET_FILE=str(secret),
        NAGARE_OIDC__ROLES="ops=operator",
        NAGARE_CLIENT__KEYRING="false",
        **more,
    )


def test_a_terminal_logs_in_by_a_code_and_stays_so(tmp_path: Path) -> None:
    secret, there, logins = tmp_path / "secret", tmp_path / "none", tmp_path / "logins"
    secret.write_text(SECRET)
    thread = LoopThread()
    manager = serving(OpenIdProvider(make_key()))
    provider = asyncio.run_coroutine_threadsafe(manager.__aenter__(), thread.loop).result(30)
    try:
        environment = _environment(provider.url, secret, NAGARE_CLIENT__LOGINS=str(logins))
        with serving_nagare(tmp_path / "data", environment=environment) as server:
            argv = nagare_argv("--data", there, "login", server.url, "--oidc")
            with started(argv, environment=environment) as login:
                assert login.popen.stderr is not None
                code = ""
                while login.is_running and not code:
                    found = re.search(r"enter the code (\w+)", login.said())
                    code = found[1] if found else ""
                assert code, login.said()
                provider.decide(code)
                assert login.wait(60) == 0, login.said()
            me = warm.run(
                nagare_argv("--data", there, "users", "me"),
                capture_output=True,
                check=True,
                timeout=60,
                env=environment,
            )
            assert json.loads(me.stdout)["name"] == "ada"
            (file,) = logins.glob("*.json")
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        asyncio.run_coroutine_threadsafe(manager.__aexit__(None, None, None), thread.loop).result(30)
        thread.close()
