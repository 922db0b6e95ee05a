"""Access tokens against every published vector and every trick we know: nothing is accepted that we did not sign."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError, InputError, UnauthenticatedError
from nagare.keys.access_tokens import AccessTokens, sign_compact, verified_payload, verify_compact
from nagare.keys.signing import SigningKey, check_public_key, is_signed
from nagare.keys.token_keys import TokenKey, load_keys, make_key, thumbprint
from nagare.lib.clock import ManualClock
from nagare.wire.codec import encode

VECTORS = Path(__file__).parents[2] / "captured" / "jose"
RFC: dict[str, Any] = json.loads((VECTORS / "rfc.json").read_text())
JWS: list[dict[str, Any]] = json.loads((VECTORS / "wycheproof_jws.json").read_text())
ED25519: list[dict[str, Any]] = json.loads((VECTORS / "wycheproof_ed25519.json").read_text())
LIFE = 900


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _rsa(key: dict[str, str]) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(int.from_bytes(_raw(key["e"])), int.from_bytes(_raw(key["n"]))).public_key()


def _holds(token: str, key: rsa.RSAPublicKey) -> bool:
    try:
        verified_payload(token, key)
    except UnauthenticatedError:
        return False
    return True


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> TokenKey:
    return make_key(tmp_path_factory.mktemp("keys"), 1)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> TokenKey:
    return make_key(tmp_path_factory.mktemp("other"), 1)


def _is_accepted(token: str, *keys: TokenKey) -> bool:
    try:
        verify_compact(token, keys)
    except UnauthenticatedError:
        return False
    return True


# Published vectors.


def test_rfc_7515_rs256_and_nothing_else_of_it() -> None:
    vectors = RFC["rfc7515"]
    token, public = vectors["a2_rs256"]["token"], _rsa(vectors["a2_rs256"]["key"])
    assert json.loads(verified_payload(token, public))["iss"] == "joe"
    for name in ("a1_hs256", "a3_es256", "a5_none"):
        assert not _holds(vectors[name]["token"], public), name


def test_rfc_7515_every_changed_byte_is_noticed() -> None:
    token, public = RFC["rfc7515"]["a2_rs256"]["token"], _rsa(RFC["rfc7515"]["a2_rs256"]["key"])
    head, payload, signature = token.split(".")
    parts = {"payload": payload, "signature": signature}
    for name, part in parts.items():
        raw = _raw(part)
        for index in range(len(raw)):
            for changed in (raw[:index] + bytes([raw[index] ^ 1]) + raw[index + 1 :], raw[:index]):
                forged = {**parts, name: _b64(changed)}
                assert not _holds(f"{head}.{forged['payload']}.{forged['signature']}", public)


def test_rfc_7638_and_7517() -> None:
    public = _rsa(RFC["rfc7517"]["a1_rsa"])
    assert thumbprint(public) == RFC["rfc7517"]["thumbprint_rfc7638"]


def _wycheproof() -> Iterator[tuple[str, dict[str, str], str, str]]:
    for group in JWS:
        for comment, token, result, _flags in group["tests"]:
            yield f"{group['comment']} {comment}", group["key"], token, result


def _alg(token: str) -> object:
    try:
        return _header(token).get("alg")
    except ValueError:
        return None


def test_wycheproof_signatures() -> None:
    accepted = refused = 0
    for name, jwk, token, result in _wycheproof():
        if jwk.get("kty") != "RSA":
            continue
        is_lawful = jwk.get("alg") == "RS256" and result == "valid"
        # Our keys are for RS256 alone; a vector's key for something else is not, and we never make one.
        if jwk.get("alg") not in ("RS256", None) and _alg(token) == "RS256":
            continue
        if is_lawful:
            assert _holds(token, _rsa(jwk)), name
            accepted += 1
        elif jwk.get("alg") is not None:
            assert not _holds(token, _rsa(jwk)), name
            refused += 1
    assert accepted >= 8
    assert refused >= 150


def test_wycheproof_tokens_are_never_ours(key: TokenKey) -> None:
    public = [
        _rsa(jwk)
        for jwk in {json.dumps(jwk): jwk for _, jwk, _, _ in _wycheproof() if jwk.get("kty") == "RSA"}.values()
    ]
    for name, jwk, token, _ in _wycheproof():
        assert not _is_accepted(token, key), name
        if jwk.get("kty") != "RSA":
            assert not any(_holds(token, each) for each in public), name


def test_wycheproof_and_rfc_8032_ed25519() -> None:
    seen = set()
    for group in ED25519:
        public = base64.b64encode(bytes.fromhex(group["public"])).decode()
        for comment, message, signature, result in group["tests"]:
            given_signature = base64.b64encode(bytes.fromhex(signature)).decode()
            assert is_signed(public, given_signature, bytes.fromhex(message)) == (result == "valid"), comment
            seen.add(result)
    assert seen == {"valid", "invalid"}


RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


RFC_8032 += [
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_signing(tmp_path: Path, secret: str, public: str, message: str, signature: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(base64.b64encode(bytes.fromhex(secret)))
    own = SigningKey.load(file)
    assert base64.b64decode(own.public_key).hex() == public
    assert base64.b64decode(own.sign(bytes.fromhex(message))).hex() == signature


def test_a_signature_and_a_key_of_ed25519_have_one_text() -> None:
    own = SigningKey.generate()
    public, signature = own.public_key, own.sign(b"batch")
    assert is_signed(public, signature, b"batch")
    for text in (_leftover(signature, 2), signature.rstrip("="), f"{signature}\n", f" {signature}", f"{signature}=="):
        assert not is_signed(public, text, b"batch"), text
    for text in (_leftover(public, 1), public.rstrip("="), f"{public}\n", ""):
        assert not is_signed(text, signature, b"batch"), text
        with pytest.raises(InputError):
            check_public_key(text)


def _leftover(text: str, padding: int) -> str:
    """Return another text of the same bytes, by the bits that base64 leaves over before its padding."""
    place = len(text) - padding - 1
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = text[:place] + alphabet[alphabet.index(text[place]) ^ 1] + text[place + 1 :]
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


def test_rfc_8037_a_token_of_ed25519_is_a_good_signature_and_no_token_of_ours(key: TokenKey) -> None:
    vector = RFC["rfc8037"]
    signed, _, signature = vector["token"].rpartition(".")
    public = base64.b64encode(_raw(vector["x"])).decode()
    assert is_signed(public, base64.b64encode(_raw(signature)).decode(), signed.encode())
    assert not _is_accepted(vector["token"], key)


# Tricks.


def _header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(_raw(token.split(".", maxsplit=1)[0]))
    return header


def _signed(key: TokenKey, header: dict[str, Any], payload: bytes = b"{}") -> str:
    """Return a token with a header of any kind, truly signed by ``key`` with RS256."""
    unsigned = f"{_b64(json.dumps(header).encode())}.{_b64(payload)}"
    algorithm = jwt.get_algorithm_by_name("RS256")
    return f"{unsigned}.{_b64(algorithm.sign(unsigned.encode(), key.private))}"


def test_what_we_sign_is_accepted(key: TokenKey, other: TokenKey) -> None:
    token = sign_compact(b"{}", key)
    assert _header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": key.id}
    assert verify_compact(token, [other, key]) == b"{}"
    assert not _is_accepted(token, other)
    assert not _is_accepted(token)


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", "RS512", "PS256", "HS256", "EdDSA", "rs256", None, 1, ["RS256"]]
)
def test_the_algorithm_is_never_the_tokens_choice(key: TokenKey, alg: object) -> None:
    header = {"alg": alg, "typ": "at+jwt", "kid": key.id}
    token = _signed(key, header)
    assert not _is_accepted(token, key)
    assert not _is_accepted(token.rpartition(".")[0] + ".", key)
    assert not _is_accepted(token.rpartition(".")[0], key)


def test_a_public_key_is_no_secret_of_hmac(key: TokenKey) -> None:
    pem = key.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = key.public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, _raw(key.jwk()["n"]), key.id.encode(), b""):
        for header_alg in ("HS256", "RS256"):
            unsigned = f"{_b64(json.dumps({'alg': header_alg, 'typ': 'at+jwt', 'kid': key.id}).encode())}.{_b64(b'{}')}"
            mac = jwt.get_algorithm_by_name("HS256")
            # The library refuses a key that looks like one; a forger's own code does not.
            signature = mac.sign(unsigned.encode(), secret)
            assert not _is_accepted(f"{unsigned}.{_b64(signature)}", key)


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MII"]},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": None},
    ],
)
def test_a_header_that_we_do_not_write_is_foreign_though_the_signature_holds(
    key: TokenKey, more: dict[str, Any]
) -> None:
    assert not _is_accepted(_signed(key, {"alg": "RS256", "typ": "at+jwt", "kid": key.id, **more}), key)


def test_a_key_in_the_header_is_never_used(key: TokenKey, other: TokenKey) -> None:
    for header in (
        {"alg": "RS256", "typ": "at+jwt", "kid": key.id, "jwk": other.jwk()},
        {"alg": "RS256", "typ": "at+jwt", "kid": other.id, "jwk": other.jwk()},
        {"alg": "RS256", "typ": "at+jwt", "kid": key.id},
    ):
        assert not _is_accepted(_signed(other, header), key)


@pytest.mark.parametrize(
    "kid", ["", "../../../etc/passwd", "' OR 1=1 --", None, 0, ["x"], {"a": 1}, "x" * 3000, "\x00"]
)
def test_a_kid_only_names_one_of_our_keys(key: TokenKey, kid: object) -> None:
    assert not _is_accepted(_signed(key, {"alg": "RS256", "typ": "at+jwt", "kid": kid}), key)
    assert not _is_accepted(_signed(key, {"alg": "RS256", "typ": "at+jwt"}), key)


def test_encodings_are_not_malleable(key: TokenKey) -> None:
    head, payload, signature = sign_compact(b'{"a":1}', key).split(".")
    standard = _leftover(base64.b64encode(_raw(signature)).decode(), 2)
    leftover = standard.rstrip("=").replace("+", "-").replace("/", "_")
    doubled = _b64(json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": key.id}).encode()[:-1] + b',"alg":"none"}')
    for token in (
        f"{head}.{payload}.{signature}.",
        f".{head}.{payload}.{signature}",
        f"{head}.{payload}",
        f"{head}..{signature}",
        f"{head}.{payload}.{signature}\n.",
        f"{doubled}.{payload}.{signature}",
        f"{head}.{payload}.{leftover}",
        f"{head}.{payload}.{signature}==",
        f"{head}.{payload}.{signature[:7]}!{signature[7:]}",
        f"{head}.{payload}.{signature[:7]}\n{signature[7:]}",
        f" {head}.{payload}.{signature}",
        json.dumps({"payload": payload, "protected": head, "signature": signature}),
        "",
        "..",
        ". .",
        "é.é.é",
        "\ud800.\ud800.\ud800",
    ):
        assert not _is_accepted(token, key), token


def test_a_name_that_stands_twice_in_a_header_is_refused_though_the_signature_holds(key: TokenKey) -> None:
    for twice in ('{"alg":"none",', '{"kid":"x",', '{"\\u0061lg":"RS256",'):
        head = (twice + json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": key.id})[1:]).encode()
        unsigned = f"{_b64(head)}.{_b64(b'{}')}"
        signature = jwt.get_algorithm_by_name("RS256").sign(unsigned.encode(), key.private)
        assert not _is_accepted(f"{unsigned}.{_b64(signature)}", key)


@given(st.text(max_size=60) | st.lists(st.text("abcAZ09-_=.", max_size=20), min_size=3, max_size=3).map(".".join))
def test_no_text_breaks_the_reader(token: str) -> None:
    assert not _is_accepted(token)


# The claims.


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def tokens(tmp_path: Path, clock: ManualClock) -> AccessTokens:
    return AccessTokens(tmp_path / "keys", clock, LIFE)


async def _lasts(tokens: AccessTokens, token: str) -> bool:
    try:
        await tokens.verify(token)
    except UnauthenticatedError:
        return False
    return True


async def test_a_token_lasts_its_life_and_no_longer(tokens: AccessTokens, clock: ManualClock) -> None:
    access = await tokens.sign("u1", "s1")
    claims = await tokens.verify(access.token)
    assert (claims.sub, claims.sid, claims.exp - claims.iat) == ("u1", "s1", LIFE)
    assert access.expires_ms == claims.exp * 1000
    await clock.advance(LIFE + 4)
    assert await _lasts(tokens, access.token)
    await clock.advance(1)
    assert not await _lasts(tokens, access.token)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "other"},
        {"aud": ["nagare"]},
        {"aud": None},
        {"iss": "urn:evil"},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": 1e300},
        {"exp": -1},
        {"nbf": 9_999_999_999},
        {"iat": 9_999_999_999},
        {"sub": 1},
        {"sid": None},
        {"jti": None},
    ],
)
async def test_a_genuine_signature_over_wrong_claims_is_refused(
    tokens: AccessTokens, clock: ManualClock, tmp_path: Path, changed: dict[str, Any]
) -> None:
    good = await tokens.sign("u1", "s1")
    (key,) = load_keys(tmp_path / "keys")
    claims = json.loads(_raw(good.token.split(".")[1]))
    assert await _lasts(tokens, sign_compact(encode(claims), key))
    assert not await _lasts(tokens, sign_compact(encode({**claims, **changed}), key))
    name = next(iter(changed))
    assert not await _lasts(tokens, sign_compact(encode({k: v for k, v in claims.items() if k != name}), key))
    assert not await _lasts(tokens, sign_compact(b"not json", key))
    assert not await _lasts(tokens, good.token + "A" * 5000)


async def test_rotation_keeps_the_old_key_until_its_last_token_has_ended(
    tokens: AccessTokens, clock: ManualClock, tmp_path: Path
) -> None:
    old = await tokens.sign("u1", "s1")
    await clock.advance(100)
    kid = await tokens.rotate()
    assert _header((await tokens.sign("u1", "s1")).token)["kid"] == kid
    assert await _lasts(tokens, old.token)
    assert len(await tokens.public_keys()) == 2
    restarted = AccessTokens(tmp_path / "keys", clock, LIFE)
    assert [key.kid for key in await restarted.public_keys()] == [key.kid for key in await tokens.public_keys()]
    assert await _lasts(restarted, old.token)
    await clock.advance(LIFE + 11)
    await tokens.drop_ended()
    assert [key.kid for key in await tokens.public_keys()] == [kid]
    assert [key.id for key in load_keys(tmp_path / "keys")] == [kid]


async def test_keys_are_private_and_made_once(tokens: AccessTokens, tmp_path: Path) -> None:
    assert await tokens.public_keys() == []
    assert not await _lasts(tokens, "a.b.c")
    assert not (tmp_path / "keys").exists()
    await tokens.sign("u1", "s1")
    (key,) = load_keys(tmp_path / "keys")
    assert key.file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    (jwk,) = await tokens.public_keys()
    assert (jwk.kid, jwk.alg, jwk.use, jwk.kty) == (key.id, "RS256", "sig", "RSA")


def test_a_file_that_holds_no_key_of_ours_is_named(tmp_path: Path, key: TokenKey) -> None:
    pem = key.file.read_bytes()
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for name, content in (
        ("000000000000001-x", pem),
        ("x-" + key.id, pem),
        (key.file.stem, b"nothing"),
        (key.file.stem, small.private_bytes(*pkcs8)),
        (key.file.stem, curve.private_bytes(*pkcs8)),
    ):
        file = tmp_path / f"{name}.pem"
        file.write_bytes(content)
        with pytest.raises(ConfigError, match="cannot use token key"):
            load_keys(tmp_path)
        file.unlink()
    assert load_keys(tmp_path) == []
