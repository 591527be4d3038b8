"""Bearer tokens and API keys: what is taken, what is refused and why, and that nothing of them shows."""

import base64
import contextlib
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from control_api.api_keys import ApiKeyMalformed, hash_key, new_key
from control_api.auth import TokenRefused, TokenVerifier
from control_api.issuers import IssuerPolicy
from control_api.jwks import IssuerUnavailable, read_jwks
from sandbox.issuer_keys import SigningKey
from sandbox.issuer_keys import new_key as new_signing_key

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SECRET = "a-legacy-secret-of-at-least-thirty-two-bytes"
SUPABASE_URL = "https://project.supabase.co"
CLERK_URL = "https://clerk.example.com"
ORIGIN = "https://app.example.com"
SUPABASE_KEY = new_signing_key("supabase")
SUPABASE_RSA = SigningKey("legacy-rsa", rsa.generate_private_key(65_537, 2048))
CLERK_KEY = new_signing_key("clerk")
SUPABASE = IssuerPolicy.supabase(SUPABASE_URL, secret=SecretStr(SECRET), other_issuers=["supabase"])
CLERK = IssuerPolicy.clerk(CLERK_URL, authorized_parties=[ORIGIN])
USER: Mapping[str, Any] = {
    "iss": f"{SUPABASE_URL}/auth/v1",
    "aud": "authenticated",
    "sub": "7b0e7c3c-9d5c-4a8e-8f46-0d8f6f0c7f11",
    "role": "authenticated",
    "email": "anne@example.com",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
}
CLERK_USER: Mapping[str, Any] = {
    "iss": CLERK_URL,
    "azp": ORIGIN,
    "sub": "user_2abcDEF",
    "role": "authenticated",
    "sts": "active",
    "sid": "sess_1",
    "v": 2,
    "nbf": int(NOW.timestamp()) - 10,
    "exp": int(NOW.timestamp()) + 60,
}


def publish(keys: Mapping[str, Iterable[SigningKey]]) -> httpx.AsyncClient:
    """A client in whose world each host publishes those keys."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/.well-known/jwks.json")
        return httpx.Response(200, json={"keys": [key.public_jwk() for key in keys[request.url.host]]})

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def verifier(*policies: IssuerPolicy, now: datetime = NOW, remembers: int = 2048) -> TokenVerifier:
    http = publish({"project.supabase.co": [SUPABASE_KEY, SUPABASE_RSA], "clerk.example.com": [CLERK_KEY]})
    return TokenVerifier(policies or (SUPABASE, CLERK), http, lambda: now, remembers=remembers)


def changed(claims: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """None takes a claim away."""
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def supabase(**changes: Any) -> str:
    return SUPABASE_KEY.sign(changed(USER, **changes))


def clerk(**changes: Any) -> str:
    return CLERK_KEY.sign(changed(CLERK_USER, **changes))


def hs256(claims: Mapping[str, Any] = USER, secret: str = SECRET) -> str:
    return jwt.encode(dict(claims), secret, "HS256")


def segment(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header: Mapping[str, Any], payload: bytes, secret: bytes | None = None) -> str:
    """What the library will not sign: no algorithm, or a public key as HMAC secret."""
    signed = f"{segment(json.dumps(header).encode())}.{segment(payload)}"
    mac = hmac.digest(secret, signed.encode(), "sha256") if secret is not None else b""
    return f"{signed}.{segment(mac)}"


def tampered(token: str) -> str:
    head, _, mac = token.split(".")
    return f"{head}.{segment(json.dumps(changed(USER, sub='somebody-else')).encode())}.{mac}"


PUBLIC_PEM = SUPABASE_KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_JWK = json.dumps(SUPABASE_KEY.public_jwk()).encode()
HS256_HEADER = {"alg": "HS256", "kid": SUPABASE_KEY.kid}
AS_USER = json.dumps(dict(USER)).encode()
LATER = int(NOW.timestamp())

REFUSED: list[tuple[str, str, str]] = [
    ("nothing at all", "", "missing"),
    ("no JWT", "hello", "malformed"),
    ("two segments", "e30.e30", "malformed"),
    ("letters outside ASCII", "é.é.é", "malformed"),
    ("a lone surrogate", "\ud800.e30.e30", "malformed"),
    ("longer than 8 KiB", supabase(padding="x" * 8_200), "malformed"),
    ("a header that is a list", f"{segment(b'[]')}.{segment(b'{}')}.", "malformed"),
    ("claims that are a list", by_hand({"alg": "HS256"}, b"[]", SECRET.encode()), "malformed"),
    ("claims nested without end", by_hand({"alg": "HS256"}, b'{"a":' + b"[" * 5000, SECRET.encode()), "malformed"),
    ("an extension nobody knows", by_hand({"alg": "ES256", "crit": ["exp"], "exp": 1}, AS_USER), "malformed"),
    ("an encrypted token", "e30.e30.e30.e30.e30", "malformed"),
    ("an access token for another application", jwt.encode(
        dict(CLERK_USER), CLERK_KEY.private, "RS256", headers={"kid": CLERK_KEY.kid, "typ": "at+jwt"}
    ), "malformed"),
    ("an issuer nobody configured", supabase(iss="https://other.supabase.co/auth/v1"), "unknown_issuer"),
    ("no issuer", supabase(iss=None), "unknown_issuer"),
    ("an issuer that is a list", by_hand({"alg": "none"}, json.dumps({"iss": [USER["iss"]]}).encode()), "unknown_issuer"),
    ("the issuer with a slash more", supabase(iss=f"{SUPABASE_URL}/auth/v1/"), "unknown_issuer"),
    ("alg none", by_hand({"alg": "none", "typ": "JWT"}, AS_USER), "algorithm"),
    ("alg None with capitals", by_hand({"alg": "NoNe", "kid": SUPABASE_KEY.kid}, AS_USER), "algorithm"),
    ("no alg", by_hand({"typ": "JWT"}, AS_USER), "algorithm"),
    ("an alg that is a list", by_hand({"alg": ["ES256"]}, AS_USER), "algorithm"),
    ("HS512 by the right secret", jwt.encode(dict(USER), SECRET * 2, "HS512"), "algorithm"),
    ("HS256 where no secret is configured", hs256(CLERK_USER), "algorithm"),
    ("HS256 with the published PEM as secret", by_hand(HS256_HEADER, AS_USER, PUBLIC_PEM), "signature"),
    ("HS256 with the published JWK as secret", by_hand(HS256_HEADER, AS_USER, PUBLIC_JWK), "signature"),
    ("HS256 by another secret", hs256(secret="another-secret-of-at-least-thirty-two-bytes"), "signature"),
    ("RS256 under the id of the ES256 key", jwt.encode(
        dict(USER), SUPABASE_RSA.private, "RS256", headers={"kid": SUPABASE_KEY.kid}
    ), "algorithm"),
    ("ES256 of an RS256-only issuer", jwt.encode(
        dict(CLERK_USER), SUPABASE_KEY.private, "ES256", headers={"kid": CLERK_KEY.kid}
    ), "algorithm"),
    ("a key id nobody published", SigningKey("nobody", SUPABASE_KEY.private).sign(USER), "signature"),
    ("no key id", jwt.encode(dict(USER), SUPABASE_KEY.private, "ES256"), "malformed"),
    ("an empty key id", jwt.encode(dict(USER), SUPABASE_KEY.private, "ES256", headers={"kid": ""}), "malformed"),
    ("a key id that is a number", by_hand({"alg": "ES256", "kid": 7}, AS_USER), "malformed"),
    ("another key under a published id", SigningKey(
        SUPABASE_KEY.kid, ec.generate_private_key(ec.SECP256R1())
    ).sign(USER), "signature"),
    ("the other issuer's key and id", CLERK_KEY.sign(USER), "signature"),
    ("claims changed after signing", tampered(supabase()), "signature"),
    ("a signature cut off", supabase().rpartition(".")[0] + ".", "signature"),
    ("its own key in the header", jwt.encode(
        dict(USER), CLERK_KEY.private, "RS256",
        headers={"kid": "mine", "jwk": CLERK_KEY.public_jwk(), "jku": "https://evil.example/jwks.json"},
    ), "signature"),
    ("no exp", supabase(exp=None), "malformed"),
    ("exp that is text", supabase(exp="2099"), "malformed"),
    ("exp that is true", supabase(exp=True), "malformed"),
    ("exp beyond every calendar", supabase(exp=10**400), "malformed"),
    ("exp that is infinite", by_hand(
        {"alg": "HS256"}, AS_USER.replace(str(USER["exp"]).encode(), b"Infinity"), SECRET.encode()
    ), "malformed"),
    ("nbf that is text", supabase(nbf="now"), "malformed"),
    ("expired six seconds ago", supabase(exp=LATER - 6), "expired"),
    ("expired long ago", clerk(exp=0), "expired"),
    ("valid in six seconds", supabase(nbf=LATER + 6), "not_yet_valid"),
    ("another audience", supabase(aud="anon"), "audience"),
    ("no audience", supabase(aud=None), "audience"),
    ("an audience that is a number", supabase(aud=7), "audience"),
    ("another application", clerk(azp="https://evil.example"), "authorized_party"),
    ("no application", clerk(azp=None), "authorized_party"),
    ("an application that is a list", clerk(azp=[ORIGIN]), "authorized_party"),
    ("a sign-in that is not complete", clerk(sts="pending"), "session_pending"),
    ("nobody", supabase(sub=None), "subject_missing"),
    ("an empty name", supabase(sub=""), "subject_missing"),
    ("a subject that is a number", supabase(sub=7), "subject_missing"),
    ("a subject with a zero byte", supabase(sub="user\u0000"), "subject_missing"),
    ("a subject without end", supabase(sub="u" * 256), "subject_missing"),
    ("the service's own rights", supabase(role="service_role"), "role"),
    ("a legacy anon key", hs256(changed(USER, iss="supabase", role="anon")), "role"),
    ("Clerk without the Supabase integration", clerk(role=None), "role"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "token", "reason"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_refused(what: str, token: str, reason: str) -> None:
    """Each way a token can be wrong has its own stable reason, and the error holds nothing of the token."""
    with pytest.raises(TokenRefused) as caught:
        await verifier().verify(token)
    assert caught.value.reason == reason
    assert not caught.value.retryable
    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not any(part in shown for part in token.split(".") if len(part) > 3)
    assert USER["sub"] not in shown


TAKEN: list[tuple[str, str, str, str]] = [
    ("ES256 of Supabase", supabase(), "supabase", USER["sub"]),
    ("RS256 of Supabase", SUPABASE_RSA.sign(USER), "supabase", USER["sub"]),
    ("HS256 of Supabase", hs256(), "supabase", USER["sub"]),
    ("HS256 with the short issuer", hs256(changed(USER, iss="supabase")), "supabase", USER["sub"]),
    ("one audience of several", supabase(aud=["other", "authenticated"]), "supabase", USER["sub"]),
    ("expired within the leeway", supabase(exp=LATER - 4), "supabase", USER["sub"]),
    ("valid within the leeway", supabase(nbf=LATER + 4), "supabase", USER["sub"]),
    ("made by a clock that runs fast", supabase(iat=LATER + 40), "supabase", USER["sub"]),
    ("RS256 of Clerk", clerk(), "clerk", "user_2abcDEF"),
    ("Clerk with an organisation", clerk(o={"id": "org_1", "rol": "admin"}), "clerk", "user_2abcDEF"),
    ("Clerk meant for somebody as well", clerk(aud="other"), "clerk", "user_2abcDEF"),
]


@pytest.mark.parametrize(("what", "token", "issuer", "subject"), TAKEN, ids=[row[0] for row in TAKEN])
async def test_taken(what: str, token: str, issuer: str, subject: str) -> None:
    """Tokens as both issuers make them name their subject, also the second time, when no signature is checked."""
    checks = verifier()
    first = await checks.verify(token)
    assert (first.issuer_name, first.subject, first.token.get_secret_value()) == (issuer, subject, token)
    assert first.expires_at.tzinfo is UTC
    assert (await checks.verify(token)) == first


async def test_a_verified_token_shows_neither_token_nor_address() -> None:
    """Its repr may go into a log."""
    shown = repr(await verifier().verify(supabase()))
    assert USER["email"] not in shown
    assert "eyJ" not in shown


@pytest.mark.parametrize(
    ("changes", "email", "verified"),
    [
        ({}, "anne@example.com", None),
        ({"email": ""}, None, None),
        ({"email": "no address"}, None, None),
        ({"email": ["anne@example.com"]}, None, None),
        ({"user_metadata": {"email_verified": True}}, "anne@example.com", None),
        ({"email_verified": True}, "anne@example.com", True),
        ({"email_verified": "yes"}, "anne@example.com", None),
    ],
)
async def test_addresses_count_only_by_the_issuers_own_word(
    changes: dict[str, Any], email: str | None, verified: bool | None
) -> None:
    """`user_metadata` can be written by its owner and proves no address."""
    token = await verifier().verify(supabase(**changes))
    assert (token.email, token.email_verified) == (email, verified)


@pytest.mark.parametrize(
    ("parties", "missing", "azp", "taken"),
    [
        ([], False, "https://anything.example", True),
        ([], False, None, True),
        ([ORIGIN], True, None, True),
        ([ORIGIN], True, "https://evil.example", False),
        ([ORIGIN], True, "", False),
    ],
)
async def test_authorized_parties(parties: list[str], missing: bool, azp: str | None, taken: bool) -> None:
    """A party that is named must be on the list; only a missing one can be let through by choice."""
    policy = IssuerPolicy.clerk(CLERK_URL, authorized_parties=parties, allow_missing_azp=missing)
    token = clerk(azp=azp) if azp != "" else CLERK_KEY.sign({**CLERK_USER, "azp": ""})
    if taken:
        assert (await verifier(policy).verify(token)).subject == "user_2abcDEF"
    else:
        with pytest.raises(TokenRefused, match="application"):
            await verifier(policy).verify(token)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


async def test_a_remembered_token_still_expires() -> None:
    """The memory spares the signature check, not the clock: after the leeway the repeat is refused."""
    clock = Clock()
    checks = TokenVerifier([CLERK], publish({"clerk.example.com": [CLERK_KEY]}), clock)
    token = clerk()
    await checks.verify(token)
    clock.now = NOW + timedelta(seconds=64)
    await checks.verify(token)
    clock.now = NOW + timedelta(seconds=65)
    with pytest.raises(TokenRefused, match="expired"):
        await checks.verify(token)


async def test_a_remembered_token_goes_with_its_key() -> None:
    """A key that the issuer takes back ends the tokens it signed, remembered or not, once the keys are read again."""
    clock, published = Clock(), [SUPABASE_KEY]
    checks = TokenVerifier([SUPABASE], publish({"project.supabase.co": published}), clock)
    token = supabase()
    await checks.verify(token)
    published[:] = [SUPABASE_RSA]
    await checks.verify(token)
    clock.now = NOW + timedelta(minutes=11)
    with pytest.raises(TokenRefused) as caught:
        await checks.verify(token)
    assert caught.value.reason == "signature"


async def test_a_repeat_is_cheap() -> None:
    """A browser's second request with the same token costs a fraction of the first: no signature is checked."""
    checks, tokens = verifier(), [supabase(sub=f"user-{n}") for n in range(100)]
    await checks.verify(supabase())
    costs: list[float] = []
    for _ in range(2):
        begun = time.process_time()
        for token in tokens:
            await checks.verify(token)
        costs.append(time.process_time() - begun)
    assert costs[1] < costs[0] / 4


async def test_the_memory_is_bounded() -> None:
    """The oldest is forgotten first: a clock that goes back tells, since a remembered token's start was checked already."""
    clock = Clock()
    checks = TokenVerifier([SUPABASE], publish({}), clock, remembers=3)
    tokens = [hs256(changed(USER, sub=f"user-{n}", nbf=LATER)) for n in range(5)]
    for token in [*tokens[:3], tokens[0], *tokens[3:]]:
        await checks.verify(token)
    clock.now -= timedelta(minutes=1)
    for at, remembered in enumerate((True, False, False, True, True)):
        if remembered:
            await checks.verify(tokens[at])
        else:
            with pytest.raises(TokenRefused, match="not valid yet"):
                await checks.verify(tokens[at])


async def test_a_redirect_is_not_followed() -> None:
    """Keys come from the configured address and nowhere else."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "evil.example":
            return httpx.Response(200, json={"keys": [CLERK_KEY.public_jwk()]})
        return httpx.Response(302, headers={"location": "https://evil.example/.well-known/jwks.json"})

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True)
    with pytest.raises(IssuerUnavailable):
        await TokenVerifier([CLERK], http, lambda: NOW).verify(clerk())


NONSENSE = {
    "html": httpx.Response(200, text="<html>"),
    "list": httpx.Response(200, text="[]"),
    "no list": httpx.Response(200, text='{"keys": "none"}'),
    "an error": httpx.Response(200, text='{"error": "x"}'),
    "many": httpx.Response(200, json={"keys": [{}] * 33}),
    "long": httpx.Response(200, text='{"keys": []}' + " " * 66_000),
    "packed": httpx.Response(200, content=gzip.compress(b'{"keys": []}'), headers={"content-encoding": "gzip"}),
    "nothing": httpx.Response(204),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_never_takes_the_place_of_keys(nonsense: httpx.Response) -> None:
    """A proxy's page or a body without end: known keys serve on; without any, nothing is known, and may be tried again."""
    clock, answers = Clock(), [nonsense]
    http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answers[0]))
    checks = TokenVerifier([CLERK], http, clock)
    with pytest.raises(IssuerUnavailable) as caught:
        await checks.verify(clerk())
    assert caught.value.retryable
    answers[0] = httpx.Response(200, json={"keys": [CLERK_KEY.public_jwk()]})
    clock.now += timedelta(seconds=1)
    await checks.verify(clerk())
    answers[0] = nonsense
    clock.now += timedelta(hours=1)
    later = int(clock.now.timestamp()) + 60
    assert (await checks.verify(clerk(exp=later))).issuer_name == "clerk"
    assert (checks.states["clerk"].keys, checks.states["clerk"].failures) == (1, 1)


_KEYS = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "azp", "sts", "role", "email", "email_verified"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(_KEYS, _JSON, max_size=4), header=st.dictionaries(st.sampled_from(["typ", "kid"]), _JSON)
)
async def test_well_signed_nonsense_never_breaks_anything(changes: dict[str, Any], header: dict[str, Any]) -> None:
    """Whatever an issuer signs is taken or refused; nothing else is raised."""
    payload = json.dumps({**USER, **changes}).encode()
    token = by_hand({"alg": "HS256", **header}, payload, SECRET.encode())
    with contextlib.suppress(TokenRefused):
        assert (await verifier(SUPABASE).verify(token)).subject


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60) | st.lists(st.binary(max_size=30).map(segment), max_size=4).map(".".join))
async def test_text_of_any_kind_is_refused(text: str) -> None:
    """Nothing that comes in the header raises anything but TokenRefused."""
    with pytest.raises(TokenRefused):
        await verifier(SUPABASE).verify(text)


class TestPolicies:
    """A policy that makes no sense does not start."""

    @pytest.mark.parametrize(
        "given_policy",
        [
            {"algorithms": frozenset({"HS256"})},
            {"algorithms": frozenset({"HS256"}), "secret": SecretStr("short")},
            {"algorithms": frozenset({"HS256"}), "secret": SecretStr(PUBLIC_PEM.decode())},
            {"algorithms": frozenset({"HS256"}), "secret": SecretStr(PUBLIC_JWK.decode())},
            {"algorithms": frozenset({"ES256"})},
            {"algorithms": frozenset({"ES256"}), "jwks_url": "file:///etc/keys"},
            {"algorithms": frozenset({"ES256"}), "jwks_url": "https://x/keys", "secret": SecretStr(SECRET)},
            {"algorithms": frozenset(), "jwks_url": "https://x/keys"},
            {"algorithms": frozenset({"RS256"}), "jwks_url": "https://x/keys", "issuer": ""},
            {"algorithms": frozenset({"RS256"}), "jwks_url": "https://x/keys", "other_issuers": frozenset({""})},
        ],
    )
    def test_refused(self, given_policy: dict[str, Any]) -> None:
        """Each needs what its algorithms need and nothing else; no secret is named in the message."""
        with pytest.raises(ValueError, match=r".") as caught:
            IssuerPolicy(**{"name": "x", "issuer": "https://x", **given_policy})
        assert "short" not in str(caught.value)
        assert "BEGIN" not in str(caught.value)

    def test_two_of_the_same_issuer(self) -> None:
        """Which policy holds must never be a matter of order."""
        again = IssuerPolicy.clerk("https://other.example.com")
        with pytest.raises(ValueError, match="same name"):
            verifier(CLERK, again)
        with pytest.raises(ValueError, match="same `iss`"):
            verifier(CLERK, IssuerPolicy.clerk(CLERK_URL, name="clerk too"))

    def test_no_secret_in_a_repr(self) -> None:
        """Settings are logged at the start."""
        assert SECRET not in repr(SUPABASE)

    def test_addresses(self) -> None:
        """Both issuers' addresses are made from what an operator has in hand, with or without a slash at the end."""
        made = IssuerPolicy.supabase(f"{SUPABASE_URL}/")
        assert made.issuer == f"{SUPABASE_URL}/auth/v1"
        assert made.jwks_url == f"{SUPABASE_URL}/auth/v1/.well-known/jwks.json"
        assert made.algorithms == {"ES256", "RS256"}
        assert IssuerPolicy.clerk(f"{CLERK_URL}/").jwks_url == f"{CLERK_URL}/.well-known/jwks.json"


class TestPublishedKeys:
    """What of a JWKS is used."""

    @pytest.mark.parametrize(
        "change",
        [
            {"use": "enc"},
            {"key_ops": ["encrypt"]},
            {"key_ops": 7},
            {"alg": "ES384"},
            {"alg": "RS256"},
            {"crv": "P-384"},
            {"crv": ["P-256"]},
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": None},
            {"kid": None},
            {"kid": ""},
            {"kid": "k" * 256},
            {"x": "AAAA"},
            {"x": 7},
            {"y": "é"},
            {"d": "AAAA"},
            SUPABASE_KEY.private_jwk(),
            CLERK_KEY.private_jwk(),
        ],
    )
    def test_left_out(self, change: dict[str, Any]) -> None:
        """Another purpose, another kind, a point off the curve, a published private part: the others stay usable."""
        other = {**SUPABASE_KEY.public_jwk(), **change}
        body = json.dumps({"keys": [other, "nonsense", SUPABASE_RSA.public_jwk()]}).encode()
        assert set(read_jwks(body, {"ES256", "RS256"})) == {SUPABASE_RSA.kid}

    def test_a_weak_key_is_left_out(self) -> None:
        """1024 bits of RSA are no proof of anything."""
        members = rsa.generate_private_key(65_537, 1024).public_key().public_numbers()
        n = segment(members.n.to_bytes(128))
        weak = {"kty": "RSA", "kid": "weak", "n": n, "e": "AQAB"}
        assert read_jwks(json.dumps({"keys": [weak]}).encode(), {"RS256"}) == {}

    def test_only_the_issuers_algorithms(self) -> None:
        """An elliptic key in the JWKS of an RS256-only issuer is none of its keys."""
        body = json.dumps({"keys": [SUPABASE_KEY.public_jwk()]}).encode()
        assert read_jwks(body, {"RS256"}) == {}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"keys": {}}',
            b"\xff",
            b'{"keys":' + b"[" * 20_000,
            json.dumps({"keys": [{}] * 33}).encode(),
        ],
    )
    def test_no_jwks(self, body: bytes) -> None:
        """Neither nonsense nor a list without end takes the place of the keys that are known."""
        with pytest.raises(ValueError, match=r"."):
            read_jwks(body, {"ES256"})

    @settings(max_examples=200, deadline=None)
    @given(change=st.dictionaries(st.sampled_from([*SUPABASE_RSA.public_jwk(), "crv", "x", "y"]), _JSON, max_size=4))
    def test_nonsense_never_breaks_anything(self, change: dict[str, Any]) -> None:
        """Any member may hold anything: what comes of it is no key, or one of the algorithms that were asked for."""
        for key in (SUPABASE_RSA, SUPABASE_KEY):
            found = read_jwks(json.dumps({"keys": [{**key.public_jwk(), **change}]}).encode(), {"ES256", "RS256"})
            assert len(found) <= 1
            assert all(one.kid == kid and one.algorithm in {"ES256", "RS256"} for kid, one in found.items())


class TestApiKeys:
    """Keys for machines."""

    def test_form(self) -> None:
        """One word to copy, always of the same length, with 32 bytes of chance in it; what is stored is its hash."""
        made = [new_key() for _ in range(50)]
        assert len({key.text for key in made}) == len({key.preview for key in made}) == 50
        for key in made:
            prefix, live, key_id, secret = key.text.split("_")
            assert (prefix, live, len(key_id), len(secret)) == ("ava", "live", 12, 49)
            assert key.text.isascii()
            assert key.key_hash == hashlib.sha256(key.text.encode()).hexdigest() == hash_key(key.text)
            assert key.preview == f"ava_live_{key_id}_…"
            assert secret not in repr(key)

    @settings(max_examples=200, deadline=None)
    @given(data=st.data())
    def test_a_typo_is_told_from_an_unknown_key(self, data: st.DataObject) -> None:
        """One letter changed, left out, doubled or swapped with its neighbour is found without asking the database."""
        text = new_key().text
        at = data.draw(st.integers(0, len(text) - 2))
        letter = data.draw(st.sampled_from("0aZ_-é "))
        for wrong in (
            text[:at] + letter + text[at + 1 :],
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
        ):
            if wrong != text:
                with pytest.raises(ApiKeyMalformed) as caught:
                    hash_key(wrong)
                assert wrong[9:] not in str(caught.value)

    @pytest.mark.parametrize(
        "text", ["", "ava_", "ava_live_", "ava_live_" + "_" * 62, "sk_live_x", "\ud800" * 71, "é" * 71]
    )
    def test_something_else(self, text: str) -> None:
        """What was never a key is told so."""
        with pytest.raises(ApiKeyMalformed):
            hash_key(text)
