"""LiveKit's notices: what is believed, what is kept of them, and what becomes of a call whose worker does not close it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from livekit.protocol.models import ParticipantInfo

from contracts.call import CallOutcome
from control_api.calls.service import CallService
from tests.api.operations import operation
from tests.api.test_problems import check
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.livekit_notices import PATH, InARoom, Notice, signed
from tests.fakes.recorded_calls import Line, answered, now, open_line

LEFT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def line(plane: ControlPlane, owner: Client) -> AsyncIterator[Line]:
    async with open_line(plane, owner) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def livekit(plane: ControlPlane) -> httpx.AsyncClient:
    return await plane.client(None)


async def tell(http: httpx.AsyncClient, notice: Notice) -> httpx.Response:
    return await http.post(PATH, content=notice.body, headers=dict(notice.headers))


async def told(http: httpx.AsyncClient, *notices: Notice) -> None:
    for notice in notices:
        answer = await tell(http, notice)
        assert (answer.status_code, answer.content) == (204, b"")


def legs(plane: ControlPlane, caller: InARoom) -> list[dict[str, Any]]:
    return plane.database.select(
        "select tenant_id, room_sid, joined_at, coalesce(left_at, room_ended_at) as left_at from line_legs"
        " where sip_call_id = %s",
        caller.sip_call_id,
    )


async def test_a_caller_comes_and_goes(plane: ControlPlane, line: Line, livekit: httpx.AsyncClient) -> None:
    """Kept under the tenant whose number was dialled, by LiveKit's clock."""
    caller = InARoom.who_dialed(line.number)
    await told(livekit, caller.notice("participant_joined", LEFT - timedelta(minutes=2)))
    [leg] = legs(plane, caller)
    assert (leg["tenant_id"], leg["room_sid"], leg["left_at"]) == (line.owner.tenant_id, caller.room_sid, None)
    await told(livekit, caller.notice("participant_left", LEFT))
    [leg] = legs(plane, caller)
    assert (leg["joined_at"], leg["left_at"]) == (LEFT - timedelta(minutes=2), LEFT)


@pytest.mark.parametrize("last", ["participant_joined", "participant_left", "room_finished"])
async def test_notices_that_come_late_and_twice_say_the_same(
    plane: ControlPlane, line: Line, livekit: httpx.AsyncClient, last: str
) -> None:
    """LiveKit sends again what was not answered, in no order."""
    caller = InARoom.who_dialed(line.number)
    notices = {
        "participant_joined": caller.notice("participant_joined", LEFT - timedelta(minutes=2)),
        "participant_left": caller.notice("participant_left", LEFT),
        "room_finished": caller.notice("room_finished", LEFT + timedelta(seconds=20)),
    }
    others = [notices[name] for name in notices if name != last]
    await told(livekit, *others, *others, notices[last], notices[last])
    [leg] = legs(plane, caller)
    assert (leg["joined_at"], leg["left_at"]) == (LEFT - timedelta(minutes=2), LEFT)


async def test_a_room_that_is_finished_ends_the_legs_that_nobody_saw_leave(
    plane: ControlPlane, line: Line, livekit: httpx.AsyncClient
) -> None:
    """The notice of their leaving was lost; a caller in another room stays."""
    gone, there = InARoom.who_dialed(line.number), InARoom.who_dialed(line.number)
    for caller in (gone, there):
        await told(livekit, caller.notice("participant_joined", LEFT - timedelta(minutes=1)))
    await told(livekit, gone.notice("room_finished", LEFT))
    assert [legs(plane, caller)[0]["left_at"] for caller in (gone, there)] == [LEFT, None]


async def test_who_is_no_caller_says_nothing_of_a_call(
    plane: ControlPlane, line: Line, livekit: httpx.AsyncClient
) -> None:
    """A browser in a room may write any attributes; a number that is nobody's has no call; of other events nothing is kept."""
    caller = InARoom.who_dialed(line.number)
    browser = replace(caller, kind=ParticipantInfo.Kind.STANDARD)
    elsewhere = replace(caller, dialed="+33199009999")
    withheld = replace(caller, dialed="anonymous")
    for somebody in (browser, elsewhere, withheld):
        await told(livekit, somebody.notice("participant_joined"), somebody.notice("participant_left"))
    await told(livekit, caller.notice("track_published"), caller.notice("room_started"))
    assert legs(plane, caller) == []


BODY = InARoom.who_dialed("+33199001234").notice("room_finished").body
UNSIGNED: dict[str, Notice] = {
    "nothing": Notice(BODY, {}),
    "no token": Notice(BODY, {"authorization": "Bearer x.y.z"}),
    "another secret": signed(BODY, secret="another-secret-another-secret-another-secret"),
    "another key": signed(BODY, key="another-key"),
    "another body": signed(BODY, of=BODY + b" "),
    "too late": signed(BODY, lasts=-120),
    "no UTF-8": signed(b"\xff\xfe"),
}


@pytest.mark.parametrize("notice", UNSIGNED.values(), ids=UNSIGNED)
async def test_what_livekit_did_not_sign_is_not_believed(livekit: httpx.AsyncClient, notice: Notice) -> None:
    answer = await tell(livekit, notice)
    check(operation("receive_livekit_event"), "webhook_not_signed", answer)
    assert answer.headers["www-authenticate"]


async def test_a_token_for_a_room_is_no_signature(plane: ControlPlane, livekit: httpx.AsyncClient) -> None:
    """Signed with the right key, but of no body: such tokens are given to browsers."""
    from livekit.api import AccessToken, VideoGrants

    from sandbox.livekit import KEY, SECRET

    token = (
        AccessToken(KEY, SECRET).with_identity("browser").with_grants(VideoGrants(room_join=True, room="r")).to_jwt()
    )
    answer = await tell(livekit, Notice(BODY, {"authorization": token}))
    check(operation("receive_livekit_event"), "webhook_not_signed", answer)


async def test_nobody_is_believed_where_no_livekit_is_set_up(plane: ControlPlane) -> None:
    async with reconfigured(plane, livekit_api_key=None, livekit_api_secret=None) as deployed:
        answer = await tell(await deployed.client(None), signed(BODY))
        check(operation("receive_livekit_event"), "webhook_not_signed", answer)
        assert "LIVEKIT_API_KEY" in answer.json()["detail"]


async def test_its_other_problems(plane: ControlPlane, livekit: httpx.AsyncClient) -> None:
    """Signed, but no event; too large; too often; while the database is away, so that LiveKit asks again."""
    described = operation("receive_livekit_event")
    check(described, "invalid_request", await tell(livekit, signed(b"no event")))
    async with reconfigured(plane, ava_api_max_body_kib=16, ava_rate_limit_per_address="2/hour") as narrow:
        http = await narrow.client(None)
        check(described, "body_too_large", await tell(http, signed(b" " * 20_000)))
        assert (await tell(http, signed(BODY))).status_code == 204
        check(described, "rate_limited", await tell(http, signed(BODY)))
    plane.database.stop_postgrest()
    try:
        check(described, "unavailable", await tell(livekit, signed(BODY)))
    finally:
        plane.database.start_postgrest()


async def test_nothing_personal_is_logged(line: Line, livekit: httpx.AsyncClient, logged: Callable[[], str]) -> None:
    caller = InARoom.who_dialed(line.number)
    await told(livekit, caller.notice("participant_joined"), caller.notice("participant_left"))
    assert "line.caller_left" in logged()
    assert "33699990000" not in logged()
    assert line.number.lstrip("+") not in logged()


async def test_a_call_whose_worker_is_gone_is_closed_as_lost(
    plane: ControlPlane, line: Line, livekit: httpx.AsyncClient
) -> None:
    """Not while its worker may still close it; then once; and what the worker has to say after all stands."""
    at = now() - timedelta(minutes=3)
    caller = InARoom.who_dialed(line.number)
    call_id = await line.begin(at, sip=caller.sip_call_id)
    calls: CallService = plane.app.state.provided[CallService]
    await told(livekit, caller.notice("participant_joined", at))
    await calls.close_lost(grace=0)
    await told(livekit, caller.notice("participant_left", now()))
    await calls.close_lost(grace=60)
    path = f"/v1/calls/{call_id}"
    assert (await line.owner.get(path)).json()["outcome"] is None

    await calls.close_lost(grace=0)
    lost = (await line.owner.get(path)).json()
    assert (lost["outcome"], lost["ended_by"]) == ("lost", "failure")
    assert 170 <= lost["duration_seconds"] <= 190
    await calls.close_lost(grace=0)
    assert (await line.owner.get(path)).json() == lost

    await line.store.append_events(call_id, [answered("Bonjour.", at)])
    await line.end(call_id, at + timedelta(minutes=2), CallOutcome.BOOKED)
    told_later = (await line.owner.get(path)).json()
    assert (told_later["outcome"], told_later["ended_by"], told_later["duration_seconds"]) == ("booked", "caller", 120)
