"""Sign-in tokens of every kind at the database's door: the same token the API verified opens the same person's rows."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from contracts.assistant import AssistantConfig
from control_api.auth import IssuerPolicy, TokenVerifier
from sandbox.database import Database
from sandbox.issuer_keys import KINDS, Kind
from sandbox.providers import create, serve

pytestmark = pytest.mark.database

SUBJECTS: dict[Kind, str] = {
    "supabase": "7b0e7c3c-9d5c-4a8e-8f46-0d8f6f0c7f11",
    "clerk": "user_2abcDEFghiJKLmnoPQRstuVWXyz",
}


@pytest.fixture
async def issuer(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The issuer stand-in with the keys that PostgREST trusts."""
    options = {"keys": json.dumps(dict(database.issuer_keys))}
    async with serve(create("issuer", options)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture
def tenants(database: Database, config: AssistantConfig) -> dict[str, UUID]:
    """One business for each subject, and one of somebody else."""
    made: dict[str, UUID] = {}
    for number, subject in enumerate([*SUBJECTS.values(), "user_somebody_else"]):
        seeded = database.seed_assistant(tenant_name=subject, config=config, number=f"+3314200000{number}")
        database.add_member(seeded.tenant_id, subject)
        made[subject] = seeded.tenant_id
    return made


async def mint(issuer: httpx.AsyncClient, kind: Kind, **wish: Any) -> str:
    answer = await issuer.post("/_ctl/tokens", json={"kind": kind, "sub": SUBJECTS[kind], **wish})
    return answer.json()["token"]


async def read(database: Database, issuer: httpx.AsyncClient, token: str) -> httpx.Response:
    """Through the gateway, as the API's repositories ask."""
    headers = {"apikey": database.anon_key, "authorization": f"Bearer {token}"}
    return await issuer.get(f"{database.url}/rest/v1/tenants?select=tenant_id", headers=headers)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_database_takes_what_the_api_takes(
    database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID], kind: Kind
) -> None:
    """ES256 and RS256: the API's verifier and row-level security agree on who it is, uuid or not."""
    base = str(issuer.base_url).rstrip("/")
    policies = [IssuerPolicy.supabase(base), IssuerPolicy.clerk(f"{base}/clerk")]
    token = await mint(issuer, kind)
    verified = await TokenVerifier(policies, issuer, lambda: datetime.now(UTC)).verify(token)
    rows = (await read(database, issuer, token)).json()
    assert rows == [{"tenant_id": str(tenants[verified.subject])}]


async def test_older_projects_tokens(database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID]) -> None:
    """HS256 by the project's secret, next to the keys that are published."""
    subject = SUBJECTS["supabase"]
    token = database.user_token(subject)
    policy = IssuerPolicy.supabase(database.url, secret=SecretStr(database.jwt_secret), other_issuers=["supabase"])
    verified = await TokenVerifier([policy], issuer, lambda: datetime.now(UTC)).verify(token)
    assert verified.subject == subject
    assert (await read(database, issuer, token)).json() == [{"tenant_id": str(tenants[subject])}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "wish",
    [{"forged": "none"}, {"forged": "public_key"}, {"forged": "other_key"}, {"expires_in": -60}],
    ids=["none", "public_key", "other_key", "expired"],
)
async def test_forged_and_old_tokens(
    database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID], kind: Kind, wish: dict[str, Any]
) -> None:
    """The database refuses by itself what the API would have refused before it."""
    assert (await read(database, issuer, await mint(issuer, kind, **wish))).status_code == 401


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_without_a_role_opens_nothing(
    database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID], kind: Kind
) -> None:
    """Clerk without its Supabase integration is anon to the database: why the API refuses it in words."""
    answer = await read(database, issuer, await mint(issuer, kind, claims={"role": None}))
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_made_later_is_not_known(
    database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID], kind: Kind
) -> None:
    """The embedded PostgREST reads its keys once: after a rotation only the first keys' tokens pass, until a reset."""
    await issuer.post("/_ctl/rotate", json={"kind": kind})
    assert (await read(database, issuer, await mint(issuer, kind))).status_code == 401
    await issuer.post("/_ctl/reset")
    assert (await read(database, issuer, await mint(issuer, kind))).status_code == 200


async def test_keys_stay_after_postgrest_restarts(
    database: Database, issuer: httpx.AsyncClient, tenants: dict[str, UUID]
) -> None:
    """An outage of the database's API in a test does not change who is trusted."""
    database.stop_postgrest()
    database.start_postgrest()
    assert (await read(database, issuer, await mint(issuer, "supabase"))).status_code == 200
