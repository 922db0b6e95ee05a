"""A server with a real OpenID provider beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.server.conftest import Serve
from tests.component.server.oidc.site import Site, World
from tests.support.openid_provider import Key, OpenIdProvider, make_key, serving


@pytest.fixture(scope="module")
def key() -> Key:
    return make_key()


@pytest.fixture
async def provider(key: Key) -> AsyncIterator[OpenIdProvider]:
    async with serving(OpenIdProvider(key)) as made:
        yield made


@pytest.fixture
async def world(serve: Serve, provider: OpenIdProvider, tmp_path: Path) -> World:
    return World(serve, provider, tmp_path)


@pytest.fixture
async def site(world: World) -> AsyncIterator[Site]:
    async with world.served() as made:
        yield made
