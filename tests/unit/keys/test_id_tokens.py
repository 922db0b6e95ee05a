import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from nagare.errors import UnauthenticatedError
from nagare.keys.id_tokens import (
    LEEWAY_SECONDS,
    TOKEN_LIMIT,
    Expected,
    ProviderKey,
    UnknownKeyError,
    access_hash,
    provider_keys,
    verified_payload,
    verify_id_token,
)
from nagare.keys.weak_keys import is_factorable

VECTORS = Path(__file__).parents[2] / "captured" / "jose"
RFC: dict[str, Any] = json.loads((VECTORS / "rfc.json").read_text())
JWS: list[dict[str, Any]] = json.loads((VECTORS / "wycheproof_jws.json").read_text())
JWK: list[dict[str, Any]] = json.loads((VECTORS / "wycheproof_jwk.json").read_text())
RSA: list[dict[str, Any]] = json.loads((VECTORS / "wycheproof_rsa.json").read_text())
OURS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
ISSUER, CLIENT, NOW = "https://id.example", "nagare", 1_800_000_000


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_signed(token: str, *keys: ProviderKey) -> bool:
    try:
        verified_payload(token, keys)
    except UnauthenticatedError:
        return False
    return True


# Published vectors.


def _of(jwks: list[dict[str, Any]]) -> tuple[list[ProviderKey], bool]:
    """Return the keys that may be used of a set, and whether all that it holds is of kinds and algorithms of ours."""
    return provider_keys(jwks), all(jwk.get("kty") == OURS.get(jwk.get("alg", "")) for jwk in jwks)


def _check(jwks: list[dict[str, Any]], tests: list[list[Any]], comment: str) -> tuple[int, int]:
    keys, is_ours = _of(jwks)
    accepted = refused = 0
    for name, token, result, _flags in tests:
        # RFC 7520, figure 20, is signed with PS384 and its key listed for PS256.
        is_accepted = is_ours and result == "valid" and name != "Figure20"
        assert _is_signed(token, *keys) == is_accepted, f"{comment} {name}"
        accepted, refused = accepted + is_accepted, refused + (not is_accepted)
    return accepted, refused


def _total(groups: Iterator[tuple[int, int]]) -> tuple[int, int]:
    counts = list(groups)
    return sum(one for one, _ in counts), sum(one for _, one in counts)


def test_wycheproof_signatures() -> None:
    accepted, refused = _total(_check([group["key"]], group["tests"], group["comment"]) for group in JWS)
    assert (accepted, refused) == (16, 385)


def test_wycheproof_keys() -> None:
    accepted, refused = _total(_check(group["keys"], group["tests"], group["comment"]) for group in JWK)
    assert (accepted, refused) == (1, 25)
    # Each is passed over before a signature is looked at, however good.
    unusable = {"keysize_too_small", "exponentOne", "jws_rsa_roca_key", "invalid_point", "wrong_curve", "wrong_kty"}
    unusable |= {"invalid_use", "invalid_algorithm", "wrong_algorithm", "jws_duplicate_kid", "HS256"}
    for group in JWK:
        if group["comment"] in unusable:
            assert provider_keys(group["keys"]) == [], group["comment"]


def test_a_modulus_of_a_broken_chip_is_told_from_others() -> None:
    moduli = {group["comment"]: int.from_bytes(_raw(group["keys"][0]["n"])) for group in JWK if "n" in group["keys"][0]}
    assert [name for name, modulus in moduli.items() if is_factorable(modulus)] == ["jws_rsa_roca_key"]


def test_wycheproof_rsa_of_what_the_tokens_algorithm_verifies() -> None:
    verify = jwt.get_algorithm_by_name("RS256").verify
    results = []
    for group in RSA:
        public = rsa.RSAPublicNumbers(int(group["e"], 16), int(group["n"], 16)).public_key()
        for comment, message, signature, result in group["tests"]:
            is_accepted = verify(base64.b64decode(message), public, base64.b64decode(signature))
            assert is_accepted == (result == "valid") or result == "acceptable", comment
            results.append(result)
    assert (results.count("valid"), results.count("invalid")) == (9, 43)


def test_rfc_7517_a_set_of_keys() -> None:
    curve = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
        "kid": "1",
    }
    both = [curve, {**RFC["rfc7517"]["a1_rsa"], "alg": "RS256", "kid": "2011-04-29"}]
    assert [(key.id, key.kind, key.algorithm) for key in provider_keys(both)] == [("2011-04-29", "RSA", "RS256")]
    assert [key.kind for key in provider_keys([{**curve, "use": "sig"}])] == ["EC"]


def test_rfc_7515_and_8037() -> None:
    rsa_key, ec_key = RFC["rfc7515"]["a2_rs256"]["key"], RFC["rfc7515"]["a3_es256"]["key"]
    okp_key = {"kty": "OKP", "crv": "Ed25519", "x": RFC["rfc8037"]["x"]}
    keys = provider_keys([rsa_key, ec_key, okp_key])
    assert {key.kind for key in keys} == {"RSA", "EC", "OKP"}
    for name, kind in (("a2_rs256", "RSA"), ("a3_es256", "EC")):
        token = RFC["rfc7515"][name]["token"]
        assert json.loads(verified_payload(token, keys)[0])["iss"] == "joe"
        assert not _is_signed(token, *(key for key in keys if key.kind != kind))
    assert verified_payload(RFC["rfc8037"]["token"], keys) == (b"Example of Ed25519 signing", "EdDSA")
    for name in ("a1_hs256", "a5_none"):
        assert not _is_signed(RFC["rfc7515"][name]["token"], *keys)


# Tricks, with tokens that are truly signed by the provider but for the one thing.

PRIVATE = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
CLAIMS = {"iss": ISSUER, "aud": CLIENT, "sub": "ada", "iat": NOW, "exp": NOW + 300, "nonce": "n"}
EXPECTED = Expected(ISSUER, CLIENT, "n", "an access token")


def _jwk(private: rsa.RSAPrivateKey, kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    jwk: dict[str, Any] = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"], **({} if kid is None else {"kid": kid}), **more}


KEYS = provider_keys([_jwk(PRIVATE)])


def _signed(header: bytes | dict[str, Any], claims: bytes | dict[str, Any] = CLAIMS, private: Any = PRIVATE) -> str:
    """Return a token with a header of any kind, signed with RS256 by ``private``."""
    parts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in (header, claims)]
    unsigned = ".".join(_b64(part) for part in parts)
    return f"{unsigned}.{_b64(jwt.get_algorithm_by_name('RS256').sign(unsigned.encode(), private))}"


GOOD = {"alg": "RS256", "kid": "k1"}


def _why_refused(token: str, keys: list[ProviderKey] = KEYS, expected: Expected = EXPECTED, now: float = NOW) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        verify_id_token(token, keys, expected, now)
    return caught.value.message


def test_what_the_provider_signs_is_accepted() -> None:
    assert verify_id_token(_signed(GOOD), KEYS, EXPECTED, NOW) == CLAIMS
    assert "signature is wrong" in _why_refused(_signed(GOOD, private=OTHER))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", "HS256", "RS512", "rs256", "ES256K", None, 1, ["RS256"]])
def test_the_algorithm_is_among_ours(alg: object) -> None:
    token = _signed({"alg": alg, "kid": "k1"})
    for each in (token, token.rpartition(".")[0] + "."):
        assert "is not signed by one of" in _why_refused(each)


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_the_algorithm_fits_the_kind_of_the_key(alg: str) -> None:
    assert "no key that it names" in _why_refused(_signed({"alg": alg, "kid": "k1"}))


def test_a_key_for_one_algorithm_is_not_used_for_another() -> None:
    assert "no key" in _why_refused(_signed(GOOD), provider_keys([_jwk(PRIVATE, alg="PS256")]))


def test_a_public_key_is_no_secret_of_hmac() -> None:
    public = PRIVATE.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, _raw(_jwk(PRIVATE)["n"]), json.dumps(_jwk(PRIVATE)).encode(), b""):
        for alg in ("HS256", "RS256"):
            unsigned = f"{_b64(json.dumps({**GOOD, 'alg': alg}).encode())}.{_b64(json.dumps(CLAIMS).encode())}"
            mac = jwt.get_algorithm_by_name("HS256").sign(unsigned.encode(), secret)
            _why_refused(f"{unsigned}.{_b64(mac)}")


@pytest.mark.parametrize(
    "kid", ["", "../../../dev/null", "' OR 1=1 --", "k1\x00", "K1", " k1", 0, True, ["k1"], {"k1": 1}, "x" * 3000]
)
def test_a_kid_only_names_a_key(kid: object) -> None:
    with pytest.raises(UnknownKeyError):
        verify_id_token(_signed({**GOOD, "kid": kid}), KEYS, EXPECTED, NOW)


def test_a_missing_kid_stands_for_the_only_key_and_for_none_of_two() -> None:
    token = _signed({"alg": "RS256"})
    assert verify_id_token(token, KEYS, EXPECTED, NOW)
    for kids in (("k1", "k2"), ("k1", "k1"), (None, None)):
        two = provider_keys([_jwk(PRIVATE, kids[0]), _jwk(OTHER, kids[1])])
        with pytest.raises(UnknownKeyError):
            verify_id_token(token, two, EXPECTED, NOW)
    twice = provider_keys([_jwk(OTHER), _jwk(PRIVATE)])
    with pytest.raises(UnknownKeyError):
        verify_id_token(_signed(GOOD), twice, EXPECTED, NOW)


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t"])
def test_a_key_in_the_header_is_not_looked_at(name: str) -> None:
    key: Any = {"jwk": _jwk(OTHER), "x5c": [_b64(b"x")]}.get(name, "https://evil.example/keys")
    assert "signature is wrong" in _why_refused(_signed({**GOOD, name: key}, private=OTHER))
    assert verify_id_token(_signed({**GOOD, name: key}), KEYS, EXPECTED, NOW)


@pytest.mark.parametrize("more", [{"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"crit": ["b64"], "b64": False}])
def test_what_must_be_understood_is_not(more: dict[str, Any]) -> None:
    assert "asks for what is not known" in _why_refused(_signed({**GOOD, **more}))


def test_a_payload_that_is_not_encoded_is_refused() -> None:
    assert "signature is wrong" in _why_refused(_signed({**GOOD, "b64": False}))


def test_a_name_that_stands_twice_is_refused() -> None:
    for header in (b'{"alg":"none","kid":"k1","alg":"RS256"}', b'{"alg":"RS256","kid":"k1","x":{"a":1,"a":2}}'):
        assert "header does not read" in _why_refused(_signed(header))
    claims = json.dumps(CLAIMS)
    for twice in ('"sub":"eve",', '"aud":"other",', '"\\u0073ub":"eve",'):
        assert "claims do not read" in _why_refused(_signed(GOOD, ("{" + twice + claims[1:]).encode()))


def test_a_token_has_one_text() -> None:
    token = _signed(GOOD)
    head, payload, signature = token.split(".")
    last = signature[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    leftover = signature[:-1] + alphabet[alphabet.index(last) ^ 1]
    assert _raw(leftover) == _raw(signature)
    others = [f"{head}.{payload}.{each}" for each in (leftover, signature + "=", signature + "==", signature + "\n")]
    others += [f"{head}.{payload}.{signature[:9]}{each}{signature[9:]}" for each in (" ", "\n", "!", "=", "\x00")]
    others += [
        f"{head}.{payload}.{signature.replace('-', '+').replace('_', '/')}",
        f" {token}",
        f"{token}.",
        f"{token} ",
    ]
    others += [f"{head}=.{payload}.{signature}", f"{head}.{payload}=.{signature}", f"{head}.{payload}", head, ""]
    for other in others:
        if other != token:
            _why_refused(other)


@pytest.mark.parametrize(
    "header", [b"[]", b"null", b"{", b"\xff", b"[" * 5000, b'{"alg":NaN}', '{"alg":"RS256"}'.encode("utf-16")]
)
def test_a_header_that_is_no_object_is_refused(header: bytes) -> None:
    assert "header does not read" in _why_refused(_signed(header))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://id.example/"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"aud": "nagare2"},
        {"aud": []},
        {"aud": [CLIENT, "other"]},
        {"aud": {CLIENT: 1}},
        {"azp": "other"},
        {"sub": ""},
        {"sub": None},
        {"exp": NOW - LEEWAY_SECONDS},
        {"exp": str(NOW + 300)},
        {"exp": True},
        {"exp": -1},
        {"exp": None},
        {"nbf": NOW + LEEWAY_SECONDS + 1},
        {"nbf": "x"},
        {"iat": NOW + LEEWAY_SECONDS + 1},
        {"iat": None},
        {"nonce": "m"},
        {"nonce": None},
        {"nonce": ["n"]},
        {"at_hash": "x"},
        {"at_hash": access_hash("another", "RS256")},
    ],
)
def test_a_genuine_signature_over_wrong_claims_is_refused(changed: dict[str, Any]) -> None:
    _why_refused(_signed(GOOD, {**CLAIMS, **changed}))


def test_times_have_a_leeway_and_no_more() -> None:
    token = _signed(GOOD, {**CLAIMS, "nbf": NOW})
    for now in (NOW - LEEWAY_SECONDS, NOW + 300 + LEEWAY_SECONDS - 1):
        assert verify_id_token(token, KEYS, EXPECTED, now)
    assert "of the future" in _why_refused(token, now=NOW - LEEWAY_SECONDS - 1)
    assert "has ended" in _why_refused(token, now=NOW + 300 + LEEWAY_SECONDS)


def test_the_access_token_is_the_one_that_came_with_it() -> None:
    digest = hashlib.sha256(b"an access token").digest()
    assert verify_id_token(_signed(GOOD, {**CLAIMS, "at_hash": _b64(digest[:16])}), KEYS, EXPECTED, NOW)
    _why_refused(_signed(GOOD, {**CLAIMS, "at_hash": _b64(digest)}))


def test_other_kinds_of_keys_sign_too() -> None:
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    numbers = curve.public_key().public_numbers()
    jwks: list[dict[str, Any]] = [
        {"kty": "EC", "crv": "P-256", "kid": "e", "x": _b64(numbers.x.to_bytes(32)), "y": _b64(numbers.y.to_bytes(32))},
        {**json.loads(OKPAlgorithm.to_jwk(edwards.public_key())), "kid": "d"},
    ]
    keys: list[Any] = [curve, edwards]
    for alg, private, jwk in zip(("ES256", "EdDSA"), keys, jwks, strict=True):
        token = jwt.encode(CLAIMS, private, alg, headers={"kid": jwk["kid"]})
        assert verify_id_token(token, provider_keys(jwks), EXPECTED, NOW) == CLAIMS
        head, payload, signature = token.split(".")
        zeros = _b64(bytes(len(_raw(signature))))
        assert not _is_signed(f"{head}.{payload}.{zeros}", *provider_keys(jwks))


def test_a_large_token_is_refused_before_it_is_read() -> None:
    began = time.perf_counter()
    assert "no signed token" in _why_refused("." * 10_000_000)
    assert "no signed token" in _why_refused("a" * TOKEN_LIMIT + ".b.c")
    assert time.perf_counter() - began < 5


@given(st.text(max_size=60) | st.lists(st.text("abcAZ09-_=.", max_size=20), min_size=3, max_size=3).map(".".join))
def test_no_text_breaks_the_reader(token: str) -> None:
    assert not _is_signed(token, *KEYS)
