"""Logging in to ``/ui`` by an OpenID provider, in a real browser that follows every redirect by itself."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.chromium import chromium
from tests.support.openid_provider import CLIENT, SECRET, OpenIdProvider, make_key, serving
from tests.support.processes import child_environment
from tests.support.processes import serving as serving_nagare


async def test_the_page_leads_to_the_provider_and_comes_back_logged_in(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    async with serving(OpenIdProvider(make_key())) as provider:
        environment = child_environment(
            NAGARE_OIDC__ISSUER=provider.url,
            NAGARE_OIDC__CLIENT_ID=CLIENT,
            NAGARE_OIDC__CLIENT_SECRET_FILE=str(secret),
            NAGARE_OIDC__ROLES="ops=operator",
        )
        with serving_nagare(tmp_path / "data", environment=environment) as server:
            provider.redirect_uris = [f"{server.url}/api/v1/auth/oidc/callback"]
            async with chromium(program("chromium"), tmp_path / "profile") as tab:
                await tab.go(f"{server.url}/ui")
                await tab.run("document.querySelector('a.button').click()")
                await tab.until("document.body.innerText.includes('Welcome, ada')")
                assert await tab.run("location.href") == f"{server.url}/ui"
                assert provider.count("/authorize") == provider.count("/token") == 1
                # No token stands in an address, and scripts of the page see none.
                assert not [url for url in tab.requests if "access_token" in url or "id_token" in url]
                assert "nagare" not in str(await tab.run("document.cookie"))
                hosts = {urlsplit(url).netloc for url in tab.requests}
                assert hosts == {urlsplit(server.url).netloc, urlsplit(provider.url).netloc}
                await tab.run("document.querySelector('a.button').click()")
                await tab.until("document.querySelector('.xterm-rows').innerText.includes('overview')")
