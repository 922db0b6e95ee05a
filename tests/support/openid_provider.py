"""A small but real OpenID provider on loopback: discovery, keys, code flow with PKCE, device flow, userinfo.

It signs with real RSA, EC and Ed25519 keys and refuses what a provider refuses. What a test changes of it (``claims``,
``forge``, ``document``, ``instead``) is how a hostile or broken one behaves.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT, SECRET = "nagare-at-ops", "s3cret:with %odd+signs"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
Claims = dict[str, Any]


@dataclass
class Key:
    """A signing key; ``alg`` is what it signs with."""

    alg: str
    private: Any
    kid: str = field(default_factory=lambda: secrets.token_hex(4))

    def jwk(self) -> Claims:
        """Return its public half."""
        maker: Any = {"ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}.get(self.alg, RSAAlgorithm)
        found: Claims = json.loads(maker.to_jwk(self.private.public_key()))
        return {**found, "kid": self.kid, "use": "sig", "alg": self.alg}

    def sign(self, claims: Claims, **header: Any) -> str:
        """Return a token of it."""
        return jwt.encode(claims, self.private, self.alg, headers={"kid": self.kid, **header})


def make_key(alg: str = "RS256") -> Key:
    """Return a new key."""
    if alg == "ES256":
        return Key(alg, ec.generate_private_key(ec.SECP256R1()))
    if alg == "EdDSA":
        return Key(alg, ed25519.Ed25519PrivateKey.generate())
    return Key(alg, rsa.generate_private_key(65537, 2048))


@dataclass
class Code:
    """What a code stands for."""

    redirect_uri: str
    challenge: str
    nonce: str | None
    scope: str


class OpenIdProvider:
    """The provider; ``person`` is who is logged in at it, with the claims that it gives."""

    def __init__(self, key: Key) -> None:
        self.url = ""
        self.key = key
        self.keys = [key]
        self.person: Claims = {"sub": "248289761001", "preferred_username": "ada", "groups": ["ops"]}
        self.userinfo: Claims | None = None
        self.redirect_uris: list[str] = []
        self.secret: str | None = SECRET
        self.auth_methods: list[str] | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.codes: dict[str, Code] = {}
        # Device code -> what a person decided: None is not yet.
        self.devices: dict[str, bool | None] = {}
        self.user_codes: dict[str, str] = {}
        self.interval: Any = 1
        self.slow_downs = 0
        # What a hostile one does otherwise.
        self.claims: Callable[[Claims], Claims] = lambda claims: claims
        self.forge: Callable[[Claims], str] | None = None
        self.document: Callable[[Claims], Claims] = lambda document: document
        self.instead: dict[str, Callable[[web.Request], Any]] = {}

    def count(self, path: str) -> int:
        """Return how often ``path`` was asked."""
        return sum(1 for asked, _ in self.asked if asked == path)

    def app(self) -> web.Application:
        """Return it as an application."""
        app = web.Application(middlewares=[self._heard])
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.get("/jwks", self._jwks),
                web.get("/userinfo", self._userinfo),
                web.post("/device", self._device),
            ]
        )
        return app

    def decide(self, user_code: str, *, yes: bool = True) -> None:
        """Confirm or deny a device, as its person does in a browser."""
        self.devices[self.user_codes[user_code]] = yes

    @web.middleware
    async def _heard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.path, {**request.query, **form}))
        instead = self.instead.get(request.path)
        answer = await instead(request) if instead else await handler(request)
        assert isinstance(answer, web.StreamResponse)
        return answer

    async def _discovery(self, _request: web.Request) -> web.Response:
        document: Claims = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "device_authorization_endpoint": f"{self.url}/device",
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        if self.userinfo is not None:
            document["userinfo_endpoint"] = f"{self.url}/userinfo"
        if self.auth_methods is not None:
            document["token_endpoint_auth_methods_supported"] = self.auth_methods
        return web.json_response(self.document(document))

    async def _authorize(self, request: web.Request) -> web.Response:
        query = request.query
        is_lawful = query.get("client_id") == CLIENT and query.get("response_type") == "code"
        if not is_lawful or query.get("redirect_uri") not in self.redirect_uris:
            return web.Response(status=400, text="unknown client, or an address that is not registered")
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return self._back(query["redirect_uri"], error="invalid_request", state=query["state"])
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(
            query["redirect_uri"], query["code_challenge"], query.get("nonce"), query.get("scope", "")
        )
        return self._back(query["redirect_uri"], code=code, state=query["state"], iss=self.url)

    def _back(self, address: str, **answer: str) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{address}?{urlencode(answer)}"})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_client(request, form):
            return _refuse("invalid_client", 401)
        if form.get("grant_type") == DEVICE_GRANT:
            return self._device_token(form.get("device_code", ""))
        code = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if code is None or code.redirect_uri != form.get("redirect_uri") or code.challenge != challenge:
            return _refuse("invalid_grant")
        return self._tokens(code.nonce)

    def _is_client(self, request: web.Request, form: dict[str, str]) -> bool:
        kind, _, sent = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic" and self.auth_methods in (None, ["client_secret_basic"]):
            name, _, secret = base64.b64decode(sent).decode().partition(":")
            return (unquote_plus(name), unquote_plus(secret)) == (CLIENT, self.secret)
        if self.secret is None:
            return form.get("client_id") == CLIENT and not kind
        is_post = self.auth_methods == ["client_secret_post"]
        return is_post and (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.secret)

    def _tokens(self, nonce: str | None) -> web.Response:
        access, now = secrets.token_urlsafe(16), int(time.time())
        digest = (hashlib.sha512 if self.key.alg == "EdDSA" else hashlib.sha256)(access.encode()).digest()
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "at_hash": base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode(),
            **({} if nonce is None else {"nonce": nonce}),
            **self.person,
        }
        token = (self.forge or self.key.sign)(self.claims(claims))
        return web.json_response({"access_token": access, "token_type": "Bearer", "id_token": token})

    async def _jwks(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"keys": [key.jwk() for key in self.keys]})

    async def _userinfo(self, request: web.Request) -> web.Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return web.Response(status=401)
        return web.json_response(self.userinfo)

    async def _device(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_client(request, form):
            return _refuse("invalid_client", 401)
        device, user = secrets.token_urlsafe(16), secrets.token_hex(4).upper()
        self.devices[device], self.user_codes[user] = None, device
        answer = {"device_code": device, "user_code": user, "verification_uri": f"{self.url}/activate"}
        return web.json_response({**answer, "expires_in": 600, "interval": self.interval})

    def _device_token(self, device: str) -> web.Response:
        if device not in self.devices:
            return _refuse("expired_token")
        if self.slow_downs:
            self.slow_downs -= 1
            return _refuse("slow_down")
        decided = self.devices[device]
        if decided is None:
            return _refuse("authorization_pending")
        del self.devices[device]
        return self._tokens(None) if decided else _refuse("access_denied")


def _refuse(word: str, status: int = 400) -> web.Response:
    return web.json_response({"error": word}, status=status)


async def redirect_loop(request: web.Request) -> web.Response:
    """Answer with a way back to the same place."""
    return web.Response(status=302, headers={"Location": str(request.url)})


async def silence(_request: web.Request) -> web.Response:
    """Answer never."""
    await asyncio.Event().wait()
    return web.Response()


@asynccontextmanager
async def serving(provider: OpenIdProvider, port: int = 0) -> AsyncIterator[OpenIdProvider]:
    """Serve it on a free port."""
    runner = web.AppRunner(provider.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
