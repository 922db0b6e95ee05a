"""A server with an OpenID provider beside it, and what browsers and terminals do there."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from nagare.config.settings import IdentitySettings, OidcSettings
from tests.component.server.conftest import Answer, Api, Serve
from tests.support.openid_provider import (
    CLIENT,
    SECRET,
    Claims,
    OpenIdProvider,
)

OIDC = "/api/v1/auth/oidc"
PASSWORD = "correct horse battery"


class World:
    """A server and its provider."""

    def __init__(self, serve: Serve, provider: OpenIdProvider, folder: Path) -> None:
        self.serve = serve
        self.provider = provider
        self.secret_file = folder / "secret"
        self.secret_file.write_text(SECRET + "\n")

    @asynccontextmanager
    async def served(self, **more: Any) -> AsyncIterator["Site"]:
        oidc = OidcSettings(
            **{
                "issuer": self.provider.url,
                "client_id": CLIENT,
                "client_secret_file": self.secret_file,
                "roles": {"ops": "operator", "db": "viewer(db web)"},
                "name": "Example",
                "timeout_seconds": 5.0,
                **more,
            }
        )
        async with self.serve(sections={"oidc": oidc, "identity": IdentitySettings()}) as api:
            self.provider.redirect_uris = [f"{api.running.url}{OIDC}/callback"]
            yield Site(api, self.provider)


class Site:
    """What browsers and terminals do at a running server."""

    def __init__(self, api: Api, provider: OpenIdProvider) -> None:
        self.api = api
        self.provider = provider

    async def begin(self, query: str = "") -> tuple[str, str]:
        """Return where a browser is sent, and the cookie that it got."""
        answer = await self.api.call("GET", f"{OIDC}/login{query}", token=None)
        assert answer.status == 302, answer.raw
        return answer.headers["Location"], sent_of(answer)

    async def consent(self, address: str) -> str:
        """Go to the provider and return the address that it sends the browser back to."""
        async with self.api.session.get(address, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            return response.headers["Location"]

    async def back(self, address: str, cookie: str) -> Answer:
        """Come back from the provider."""
        return await self.api.call("GET", address, token=None, headers={"Cookie": cookie} if cookie else {})

    async def login(self, query: str = "") -> Answer:
        """Log in as a browser does."""
        address, cookie = await self.begin(query)
        return await self.back(await self.consent(address), cookie)

    async def refused(self, status: int = 401) -> str:
        """Return why a login is refused, and see that this is on record without any secret."""
        answer = await self.login()
        assert answer.status == status, answer.raw
        assert "Set-Cookie" not in answer.headers
        assert await self.sessions() == []
        if status < 500:
            (entry, *_) = await self.audit("auth.login")
            assert (entry["outcome"], entry["actor"]) == ("refused", "anonymous")
            assert answer.json["detail"].startswith(entry["detail"][:100])
        return str(answer.json["detail"])

    async def me(self, answer: Answer) -> Any:
        return (await self.api.call("GET", "/api/v1/auth/me", token=None, headers={"Cookie": sent_of(answer)})).json

    async def sessions(self) -> list[Any]:
        found: list[Any] = (await self.api.call("GET", "/api/v1/sessions?user=*")).json["sessions"]
        return found

    async def audit(self, action: str) -> list[Any]:
        found: list[Any] = (await self.api.call("GET", f"/api/v1/audit?action={action}")).json["entries"]
        return found

    async def device(self) -> Any:
        answer = await self.api.call("POST", f"{OIDC}/device", {}, token=None)
        assert answer.status == 200, answer.raw
        return answer.json

    async def poll(self, handle: str) -> Answer:
        return await self.api.call("POST", f"{OIDC}/device/poll", {"handle": handle}, token=None)


def cookies_of(answer: Answer) -> SimpleCookie:
    cookie = SimpleCookie()
    for line in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
        cookie.load(line)
    return cookie


def sent_of(answer: Answer) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies_of(answer).items() if morsel.value)


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def changed(**more: Any) -> Callable[[Claims], Claims]:
    return lambda claims: {name: value for name, value in {**claims, **more}.items() if value is not ...}


def document(**more: Any) -> Callable[[Claims], Claims]:
    return lambda document: {name: value for name, value in {**document, **more}.items() if value is not ...}
