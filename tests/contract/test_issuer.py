"""The verifier against the issuer stand-in, over HTTP: keys that rotate, floods, races, and an issuer that is away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from control_api.auth import IssuerPolicy, IssuerUnavailable, TokenRefused, TokenVerifier, VerifiedToken
from control_api.jwks import Timing
from sandbox.issuer_keys import KINDS, Kind, new_key
from sandbox.providers import create, serve

ANNE = "7b0e7c3c-9d5c-4a8e-8f46-0d8f6f0c7f11"
ORIGIN = "http://localhost:3000"


@dataclass
class Clock:
    """Stands still at the test's beginning; only the test puts it forward."""

    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return self.begun + self.ahead


@dataclass
class Issuer:
    """The stand-in at `url`, and who verifies what it signs."""

    url: str
    http: httpx.AsyncClient
    clock: Clock = field(default_factory=Clock)

    def verifier(self, timing: Timing | None = None, url: str | None = None) -> TokenVerifier:
        base = url or self.url
        policies = [
            IssuerPolicy.supabase(base),
            IssuerPolicy.clerk(f"{base}/clerk", authorized_parties=[ORIGIN]),
        ]
        return TokenVerifier(policies, self.http, self.clock, timing=timing)

    async def token(self, kind: Kind, **wish: Any) -> str:
        # so that it outlives the clock that a test puts forward
        given = {"kind": kind, "expires_in": 7 * 24 * 3600, **wish}
        answer = await self.http.post(f"{self.url}/_ctl/tokens", json=given)
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]

    async def rotate(self, kind: Kind, *, keep_old: bool = True) -> str:
        answer = await self.http.post(f"{self.url}/_ctl/rotate", json={"kind": kind, "keep_old": keep_old})
        return answer.json()["kid"]

    async def fail(self, kind: str, **rule: Any) -> None:
        rules = [{"operation": "jwks", "kind": kind, "times": None, **rule}]
        assert (await self.http.post(f"{self.url}/_ctl/faults", json=rules)).status_code == 200

    async def recover(self) -> None:
        await self.http.delete(f"{self.url}/_ctl/faults")

    async def fetches(self) -> int:
        log = (await self.http.get(f"{self.url}/_ctl/log", params={"operation": "jwks"})).json()
        return len(log["entries"])


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with serve(create("issuer")) as url, httpx.AsyncClient(trust_env=False) as http:
        yield Issuer(url, http)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what runs in the background."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within 10 s")


async def verified_at_last(issuer: Issuer, checks: TokenVerifier, token: str) -> VerifiedToken:
    """The issuer is back: soon one of the fetches made a cool-down apart succeeds, on a slow machine not always the first."""
    for _ in range(10):
        with contextlib.suppress(IssuerUnavailable):
            return await checks.verify(token)
        issuer.clock.ahead += timedelta(seconds=31)
    raise AssertionError("it did not come back")


async def test_a_user_of_supabase_signs_in(issuer: Issuer) -> None:
    """ES256, an hour, the claims hosted projects give; the address is known, not that it was confirmed."""
    token = await issuer.token("supabase", sub=ANNE, email="anne@example.com", expires_in=3600)
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    verified = await issuer.verifier().verify(token)
    assert (verified.issuer_name, verified.subject, verified.email) == ("supabase", ANNE, "anne@example.com")
    assert verified.email_verified is None
    assert abs(verified.expires_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(seconds=20)


async def test_a_user_of_clerk_signs_in(issuer: Issuer) -> None:
    """RS256, a minute, version 2 of the claims, an organisation among them."""
    answer = await issuer.http.post(
        f"{issuer.url}/_ctl/tokens", json={"kind": "clerk", "claims": {"o": {"id": "org_1", "rol": "admin"}}}
    )
    token = answer.json()["token"]
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    verified = await issuer.verifier().verify(token)
    assert (verified.issuer_name, verified.subject) == ("clerk", answer.json()["subject"])
    assert verified.subject.startswith("user_")
    assert abs(verified.expires_at - datetime.now(UTC) - timedelta(minutes=1)) < timedelta(seconds=20)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("wish", "reasons"),
    [
        ({"forged": "none"}, {"algorithm"}),
        ({"forged": "public_key"}, {"algorithm"}),
        ({"forged": "other_key"}, {"signature"}),
        ({"expires_in": -60}, {"expired"}),
        ({"claims": {"sub": None}}, {"subject_missing"}),
        ({"claims": {"role": "service_role"}}, {"role"}),
        ({"claims": {"iss": "https://evil.example"}}, {"unknown_issuer"}),
        ({"claims": {"sts": "pending"}}, {"session_pending"}),
        ({"claims": {"aud": "other", "azp": "https://evil.example"}}, {"audience", "authorized_party"}),
    ],
    ids=["none", "public_key", "other_key", "expired", "nobody", "service", "issuer", "pending", "elsewhere"],
)
async def test_what_is_wrong_is_refused(issuer: Issuer, kind: Kind, wish: dict[str, Any], reasons: set[str]) -> None:
    """Forgeries and tokens for other purposes, of both issuers."""
    token = await issuer.token(kind, **wish)
    with pytest.raises(TokenRefused) as caught:
        await issuer.verifier().verify(token)
    assert caught.value.reason in reasons


async def test_keys_are_fetched_once_for_many(issuer: Issuer) -> None:
    """A hundred first requests at the same time wait for one fetch; the next hundred for none."""
    await issuer.fail("delay", delay_ms=100, times=1)
    checks = issuer.verifier()
    tokens = [await issuer.token("supabase") for _ in range(100)]
    subjects = {verified.subject for verified in await asyncio.gather(*map(checks.verify, tokens))}
    assert len(subjects) == 100
    await asyncio.gather(*map(checks.verify, tokens))
    assert await issuer.fetches() == 1


async def test_a_rotation_is_followed(issuer: Issuer) -> None:
    """The first token of a new key has the keys fetched again, once, after the cool-down; the old key's stay good."""
    checks = issuer.verifier()
    old = await issuer.token("clerk")
    await checks.verify(old)
    await issuer.rotate("clerk")
    new = [await issuer.token("clerk") for _ in range(20)]
    issuer.clock.ahead = timedelta(seconds=31)
    await asyncio.gather(*map(checks.verify, [*new, old]))
    assert await issuer.fetches() == 2


async def test_a_key_taken_back_ends_its_tokens(issuer: Issuer) -> None:
    """Within ten minutes, remembered or not."""
    checks = issuer.verifier()
    old = await issuer.token("supabase")
    await checks.verify(old)
    await issuer.rotate("supabase", keep_old=False)
    issuer.clock.ahead = timedelta(minutes=10)
    with pytest.raises(TokenRefused) as caught:
        await checks.verify(old)
    assert caught.value.reason == "signature"
    assert (await checks.verify(await issuer.token("supabase"))).issuer_name == "supabase"


async def test_a_flood_of_unknown_keys_reaches_the_issuer_once_per_cool_down(issuer: Issuer) -> None:
    """A thousand tokens under invented key ids cost the issuer one fetch in 30 s, and users notice nothing."""
    checks = issuer.verifier()
    good = await issuer.token("supabase")
    await checks.verify(good)
    claims, private = jwt.decode(good, options={"verify_signature": False}), new_key("supabase").private
    flood = [jwt.encode(claims, private, "ES256", headers={"kid": f"{kid}"}) for kid in range(200)]
    for ahead, fetches in ((0, 1), (29, 1), (31, 2), (59, 2), (62, 3)):
        issuer.clock.ahead = timedelta(seconds=ahead)
        outcomes = await asyncio.gather(*map(checks.verify, flood), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {TokenRefused}
        await checks.verify(good)
        assert await issuer.fetches() == fetches


async def test_busy_servers_never_wait_for_fresh_keys(issuer: Issuer) -> None:
    """Keys are fetched anew before they are old, while the known ones serve, even where the issuer takes its time."""
    checks = issuer.verifier()
    tokens = [await issuer.token("supabase") for _ in range(2)]
    await checks.verify(tokens[0])
    before = checks.states["supabase"].fetched_at
    await issuer.fail("delay", delay_ms=200)
    issuer.clock.ahead = timedelta(minutes=9)
    for token in tokens:
        await checks.verify(token)
        assert checks.states["supabase"].fetched_at == before
    await until(lambda: checks.states["supabase"].fetched_at != before)
    issuer.clock.ahead = timedelta(minutes=16)
    await checks.verify(tokens[0])
    assert await issuer.fetches() == 2


def patience(fault: dict[str, Any]) -> Timing:
    """Short where the test has to wait for the deadline itself."""
    return Timing(deadline=timedelta(seconds=0.4)) if fault["kind"] == "stall" else Timing()


DOWN: list[dict[str, Any]] = [
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 429},
    {"kind": "cut"},
    {"kind": "cut", "cut_after": 40},
    {"kind": "lost_answer"},
    {"kind": "stall"},
]


@pytest.mark.parametrize("fault", DOWN, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_an_issuer_that_is_away_at_the_first_request(issuer: Issuer, fault: dict[str, Any]) -> None:
    """Nothing is known about the token: unavailable, in time, for both; and good again soon after it is back."""
    checks = issuer.verifier(patience(fault))
    tokens = [await issuer.token("supabase") for _ in range(10)]
    await issuer.fail(**fault)
    begun = time.monotonic()
    outcomes = await asyncio.gather(*map(checks.verify, tokens), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {IssuerUnavailable}
    assert time.monotonic() - begun < 10.0
    assert await issuer.fetches() == 1
    await issuer.recover()
    issuer.clock.ahead = timedelta(seconds=1)
    assert (await verified_at_last(issuer, checks, tokens[0])).issuer_name == "supabase"


@pytest.mark.parametrize("fault", DOWN, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_known_keys_serve_while_the_issuer_is_away(issuer: Issuer, fault: dict[str, Any]) -> None:
    """For a day, also for tokens not seen before; one waits for it at most once, and a new key is not called forged."""
    checks = issuer.verifier(patience(fault))
    await verified_at_last(issuer, checks, await issuer.token("clerk"))
    fresh = [await issuer.token("clerk") for _ in range(4)]
    await issuer.rotate("clerk")
    unknown = await issuer.token("clerk")
    await issuer.fail(**fault)
    for failed, hours in enumerate((0.5, 6, 12, 23.9)):
        issuer.clock.ahead = timedelta(hours=hours)
        assert (await checks.verify(fresh[failed])).issuer_name == "clerk"
        # the first waited for the outcome, the later ones had one asked for behind them
        assert checks.states["clerk"].failures == max(1, failed)
        await until(lambda failed=failed: checks.states["clerk"].failures == failed + 1)
    with pytest.raises(IssuerUnavailable):
        await checks.verify(unknown)
    issuer.clock.ahead = timedelta(hours=24.1)
    with pytest.raises(IssuerUnavailable):
        await checks.verify(fresh[0])
    await issuer.recover()
    issuer.clock.ahead = timedelta(hours=24.2)
    assert await verified_at_last(issuer, checks, unknown)
    assert await checks.verify(fresh[0])


async def test_an_issuer_that_stays_away_is_asked_less_and_less(issuer: Issuer) -> None:
    """Retries double from a second up to the cool-down, however many requests come in between."""
    checks = issuer.verifier()
    token = await issuer.token("supabase")
    await issuer.fail("status", status=503)
    for tenths in range(0, 650, 5):
        issuer.clock.ahead = timedelta(seconds=tenths / 10)
        with pytest.raises(IssuerUnavailable):
            await checks.verify(token)
    # at 0, 1, 3, 7, 15, 31 and 61 s
    assert checks.states["supabase"].failures == await issuer.fetches() == 7


async def test_who_stops_waiting_stops_it_for_nobody_else(issuer: Issuer) -> None:
    """A client that hangs up during the first fetch leaves the others their keys."""
    await issuer.fail("delay", delay_ms=200, times=1)
    checks, token = issuer.verifier(), await issuer.token("supabase")
    impatient, patient = (asyncio.create_task(checks.verify(token)) for _ in range(2))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert (await patient).issuer_name == "supabase"
    assert await issuer.fetches() == 1


async def test_closing_ends_a_fetch(issuer: Issuer) -> None:
    """A server that stops does not wait for an issuer, and calls nobody's token forged on its way out."""
    await issuer.fail("stall", times=1)
    checks = issuer.verifier()
    waiting = asyncio.create_task(checks.verify(await issuer.token("supabase")))
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await checks.aclose()
    with pytest.raises(IssuerUnavailable):
        await waiting
    assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tokens", {"kind": "auth0"}),
        ("tokens", {"kind": "clerk", "alg": "none"}),
        ("tokens", {}),
        ("rotate", {"kind": "supabase", "keep_old": "perhaps"}),
        ("faults", [{"operation": "tokens", "kind": "cut"}]),
    ],
)
async def test_the_stand_in_refuses_what_it_does_not_know(issuer: Issuer, path: str, body: Any) -> None:
    """A typo in a test can't pass silently."""
    assert (await issuer.http.post(f"{issuer.url}/_ctl/{path}", json=body)).status_code == 400


async def test_reset_brings_the_first_keys_back(issuer: Issuer) -> None:
    """A token from before a rotation that dropped its key is good again."""
    token = await issuer.token("supabase")
    await issuer.rotate("supabase", keep_old=False)
    with pytest.raises(TokenRefused):
        await issuer.verifier().verify(token)
    await issuer.http.post(f"{issuer.url}/_ctl/reset")
    assert await issuer.verifier().verify(token)
