"""The control plane's way to the database: whose rights, what is sent again, and what its refusals become."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from pydantic import SecretStr

from contracts.errors import StoreUnavailable
from sandbox.database import Database
from sandbox.faults import FaultRule
from store.errors import (
    Conflicting,
    NotAllowed,
    RowNotFound,
    Stale,
    StoreMisconfigured,
    TokenNotAccepted,
    Unacceptable,
)
from store.session import AsService, AsUser, Sessions, open_sessions

pytestmark = pytest.mark.database


@pytest.fixture
async def sessions(database: Database) -> AsyncIterator[Sessions]:
    opened = open_sessions(
        database.url,
        publishable_key=SecretStr(database.anon_key),
        service_key=SecretStr(database.service_key),
        seconds=1.0,
    )
    yield opened
    await opened.aclose()


def user(database: Database, subject: str, **claims: object) -> AsUser:
    return AsUser(SecretStr(database.user_token(subject, **claims)))


async def test_a_user_sees_their_own_and_the_service_everything(database: Database, sessions: Sessions) -> None:
    """Under the user's token row-level security decides; the service key is under none."""
    for subject in ("anne", "ben"):
        await sessions.open(user(database, subject)).call("ensure_profile_v1")
    own = sessions.open(user(database, "anne"))
    assert len(await own.read(own.table("tenants").select("tenant_id"))) == 1
    service = sessions.open(AsService())
    assert len(await service.read(service.table("tenants").select("tenant_id"))) == 2


async def test_two_users_at_once_are_not_mixed_up(database: Database, sessions: Sessions) -> None:
    """Sessions share connections, never credentials."""
    people = [f"user-{n}" for n in range(12)]
    made = await asyncio.gather(*(sessions.open(user(database, p)).call("ensure_profile_v1") for p in people))
    assert [found["subject"] for found in made] == people


@pytest.mark.parametrize("kind", ["cut", "lost_answer"])
async def test_a_read_whose_connection_breaks_once_is_read_again(
    database: Database, sessions: Sessions, kind: str
) -> None:
    """A kept connection the other side had closed is no reason to fail."""
    session = sessions.open(AsService())
    database.add_faults(FaultRule(operation="table", kind=kind))  # type: ignore[arg-type]
    assert await session.read(session.table("tenants").select("tenant_id")) == []


async def test_a_function_is_never_sent_twice(database: Database, sessions: Sessions) -> None:
    """Its answer is lost: it may have been done, and only its caller knows whether it may be repeated."""
    tenant = str(uuid4())
    database.add_faults(FaultRule(operation="create_tenant_v1", kind="lost_answer"))
    session = sessions.open(user(database, "anne"))
    with pytest.raises(StoreUnavailable):
        await session.call("create_tenant_v1", p_tenant_id=tenant, p_name="once")
    assert len(database.select("select 1 from tenants where tenant_id = %s", tenant)) == 1


@pytest.mark.parametrize(
    "rule",
    [
        FaultRule(operation="table", kind="status", status=503, times=None),
        FaultRule(operation="table", kind="stall", times=None),
        FaultRule(operation="table", kind="cut", times=None),
        FaultRule(operation="table", kind="status", status=429, times=None),
    ],
    ids=["503", "silent", "cut", "429"],
)
async def test_away_is_told_as_away(database: Database, sessions: Sessions, rule: FaultRule) -> None:
    """Within the deadline, whatever the way in which nothing comes back."""
    database.add_faults(rule)
    session = sessions.open(AsService())
    with pytest.raises(StoreUnavailable):
        await session.read(session.table("tenants").select("tenant_id"))


async def test_an_expired_token_is_the_users_to_renew(database: Database, sessions: Sessions) -> None:
    session = sessions.open(user(database, "anne", exp=1_000_000_000))
    with pytest.raises(TokenNotAccepted):
        await session.read(session.table("tenants").select("tenant_id"))


async def test_a_wrong_key_is_the_operators_to_change(database: Database) -> None:
    wrong = SecretStr("sb_secret_of_another_project")
    opened = open_sessions(database.url, publishable_key=wrong, service_key=wrong, seconds=1.0)
    with pytest.raises(StoreMisconfigured):
        await opened.ping()
    await opened.aclose()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AVA03", RowNotFound), ("AVA04", NotAllowed), ("AVA05", Conflicting), ("AVA06", Stale), ("AVA07", Unacceptable)],
)
async def test_what_functions_say_reaches_people(
    database: Database, sessions: Sessions, code: str, kind: type[Exception]
) -> None:
    """The sentence, the word for machines and the figure, each where it belongs."""
    body = {"code": code, "message": "do this instead", "hint": "a_reason", "details": "7"}
    database.add_faults(FaultRule(operation="ensure_profile_v1", kind="status", status=400, body=body))
    with pytest.raises(kind) as caught:
        await sessions.open(user(database, "anne")).call("ensure_profile_v1")
    assert (str(caught.value), caught.value.reason, caught.value.figure) == ("do this instead", "a_reason", "7")  # type: ignore[attr-defined]
