"""A number's way in on LiveKit: the line's adapter through the stand-in (test_livekit_wire.py holds that to the real client).

What counts is what a caller gets: `call` asks the stand-in who would answer, by the rules of the real SIP service.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
import pytest_asyncio
from livekit import api
from pydantic import SecretStr

from control_api.numbers.line import DigestAuth, FoundRoute, Line, Route, RouteDrift, SourceInvalid
from control_api.numbers.line_errors import (
    LineCredentialsRefused,
    LineError,
    LineRefused,
    LineThrottled,
    LineUnavailable,
    NumberRoutedElsewhere,
)
from control_api.numbers.livekit_line import LiveKitLine
from sandbox.livekit import KEY, SECRET
from tests.fakes.livekit import NUMBER, OTHER, Server, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the stand-in is started once

LABEL = "ava:5b0c4f0e-6d0f-4a52-9d10-0c4b9a7e1f11"
AGENT = "ava"
MARK = {"managed_by": "ava", "label": LABEL}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: Server) -> Server:
    await running.reset()
    return running


class MakeLine(Protocol):
    def __call__(
        self, url: str, *, secret: str = SECRET, deadline: float = 5.0, request_timeout: float = 2.0
    ) -> LiveKitLine: ...


@pytest_asyncio.fixture(loop_scope="module")
async def make_line() -> AsyncIterator[MakeLine]:
    """Lines that are closed at the end, whatever happens."""
    async with AsyncExitStack() as open_lines:

        def make(url: str, *, secret: str = SECRET, deadline: float = 5.0, request_timeout: float = 2.0) -> LiveKitLine:
            line = LiveKitLine(url, KEY, SecretStr(secret), deadline=deadline, request_timeout=request_timeout)
            open_lines.push_async_callback(line.aclose)
            return line

        yield make


@pytest_asyncio.fixture(loop_scope="module")
async def line(server: Server, make_line: MakeLine) -> LiveKitLine:
    return make_line(server.url)


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[api.LiveKitAPI]:
    async with api.LiveKitAPI(server.url, KEY, SECRET) as client:
        yield client


async def ensure(line: Line, number: str = NUMBER, *, label: str = LABEL, agent_name: str = AGENT) -> Route:
    return await line.ensure_route(number, label=label, agent_name=agent_name, metadata={"tenant": "t-1"})


async def only_route(server: Server) -> Route:
    state = await server.state()
    (trunk,), (rule,) = state["trunks"], state["rules"]
    return Route(trunk["sip_trunk_id"], rule["sip_dispatch_rule_id"])


async def test_a_number_is_routed_once_and_a_call_reaches_the_agent_with_the_dialled_number(
    server: Server, line: LiveKitLine
) -> None:
    """Ensured twice there is one trunk and one rule, exactly as described, and the second time writes nothing."""
    route = await ensure(line)
    assert await ensure(line) == route == await only_route(server)
    state = await server.state()
    trunk, rule = state["trunks"][0], state["rules"][0]
    assert without_times(trunk) == {
        "sip_trunk_id": route.trunk_id,
        "name": LABEL,
        "metadata": json.dumps(MARK, sort_keys=True),
        "numbers": [NUMBER],
        "ringing_timeout": "10s",
        "ringing_timeout_status": "SIP_STATUS_SERVICE_UNAVAILABLE",
    }
    assert without_times(rule) == {
        "sip_dispatch_rule_id": route.rule_id,
        "name": LABEL,
        "metadata": json.dumps(MARK, sort_keys=True),
        "trunk_ids": [route.trunk_id],
        "rule": INDIVIDUAL,
        "room_config": {"agents": [OUR_AGENT]},
    }
    call = await server.call()
    assert call["room"].startswith("call-")
    assert call["agents"] == [OUR_AGENT]
    assert call["attributes"]["sip.trunkPhoneNumber"] == NUMBER
    writes = ("create_inbound_trunk", "update_inbound_trunk", "create_dispatch_rule", "update_dispatch_rule")
    assert [await server.seen(write) for write in writes] == [1, 0, 1, 0]


async def test_an_owners_own_carrier_signs_in_from_its_own_addresses(server: Server, line: LiveKitLine) -> None:
    """Addresses and digest sign-in land on the trunk, change with the owner's wish, and end with it."""
    auth = DigestAuth("carrier", SecretStr("a-password"))
    assert "a-password" not in repr(auth)
    assert "carrier" not in repr(auth).replace("DigestAuth", "")
    for addresses, sign_in in ((["203.0.113.7 ", "198.51.100.0/24"], auth), (["203.0.113.9"], None), ([], None)):
        await line.ensure_route(
            NUMBER, label=LABEL, agent_name=AGENT, metadata={}, allowed_addresses=addresses, auth=sign_in
        )
        call = await server.call(source="203.0.113.7")
        let_in = "203.0.113.9" not in addresses
        assert ("agents" in call) is let_in
        assert call.get("digest", False) is (sign_in is not None)
        (found,) = (await line.find_routes()).ours
        assert found.drift_from(NUMBER, agent_name=AGENT, allowed_addresses=addresses, auth=sign_in) == ()
    assert "auth_password" not in (await server.state())["trunks"][0]


@pytest.mark.parametrize("source", ["anywhere.example.com", "1.2.3.4, 5.6.7.8", "0.0.0.0/0", "1.2.3", ""])
async def test_a_source_that_would_let_everybody_in_is_refused_before_anything_is_sent(
    server: Server, line: LiveKitLine, source: str
) -> None:
    """LiveKit passes over addresses it cannot read and then has no list at all: we don't send one."""
    with pytest.raises(SourceInvalid):
        await line.ensure_route(NUMBER, label=LABEL, agent_name=AGENT, metadata={}, allowed_addresses=[source])
    assert (await server.state())["trunks"] == []


@pytest.mark.parametrize("operation", ["create_inbound_trunk", "create_dispatch_rule"])
@pytest.mark.parametrize(
    "fault",
    [{"kind": "lost_answer"}, {"kind": "cut", "cut_after": 3}, {"kind": "cut"}, {"kind": "status", "status": 503}],
)
async def test_an_answer_lost_on_the_way_makes_nothing_double(
    server: Server, line: LiveKitLine, operation: str, fault: dict[str, Any]
) -> None:
    """Whether the create happened (lost, torn) or did not (cut, 503), afterwards there is one trunk and one rule."""
    await server.fault(operation, **fault)
    assert await ensure(line) == await only_route(server)
    assert (await server.call())["agents"][0]["agent_name"] == AGENT


async def test_a_create_that_happens_after_we_gave_up_waiting_is_adopted(server: Server, make_line: MakeLine) -> None:
    """Slow beyond the request's time-out, a create lands while we look or send another: still one of each."""
    line = make_line(server.url, request_timeout=0.3)
    await server.fault("create_inbound_trunk", "delay", delay_ms=500, times=2)
    await server.fault("create_dispatch_rule", "delay", delay_ms=500)
    route = await ensure(line)
    await asyncio.sleep(0.5)  # the last late one has arrived
    assert await only_route(server) == route


async def test_one_slow_answer_does_not_use_up_the_deadline(server: Server, make_line: MakeLine) -> None:
    """A read that hangs is given up after the request's own time-out and asked again."""
    line = make_line(server.url, request_timeout=0.3)
    await server.fault("list_rooms", "delay", delay_ms=1_500)
    started = asyncio.get_running_loop().time()
    await line.ping()
    assert asyncio.get_running_loop().time() - started < 1.4


async def test_two_at_once_agree_on_one_route(server: Server, line: LiveKitLine, make_line: MakeLine) -> None:
    """Two requests, both finding nothing, both create: LiveKit refuses one, which adopts the other's."""
    await server.fault("list_inbound_trunk", "delay", delay_ms=40, times=None)
    await server.fault("list_dispatch_rule", "delay", delay_ms=40, times=None)
    second = make_line(server.url)
    routes = await asyncio.gather(ensure(line), ensure(second))
    assert set(routes) == {await only_route(server)}
    assert await server.seen("create_inbound_trunk") == 2


async def test_a_crash_between_trunk_and_rule_is_made_good(server: Server, line: LiveKitLine) -> None:
    """The trunk of the first try is used; the reconciler sees it as a route without a rule until then."""
    await server.fault("create_dispatch_rule", "status", status=400)
    await server.fault("create_dispatch_rule", "status", status=400)
    with pytest.raises(LineRefused) as refused:
        await ensure(line)
    assert refused.value.refusal == "invalid_argument"
    assert await drifts(line) == [(RouteDrift.NO_RULE,)]
    (trunk,) = (await server.state())["trunks"]
    route = await ensure(line)
    assert route.trunk_id == trunk["sip_trunk_id"]
    assert await only_route(server) == route


async def test_a_number_that_a_foreign_trunk_takes_is_a_conflict_that_names_it(
    server: Server, line: LiveKitLine
) -> None:
    """The error says which trunk and what to do, shows no number, and leaves everything as it was."""
    foreign = await server.put("trunks", {"name": "Old PBX +33 1 23 45 67 89", "numbers": ["33 1 23 45 67 89"]})
    with pytest.raises(NumberRoutedElsewhere, match="Old PBX …") as conflict:
        await ensure(line)
    assert foreign["sip_trunk_id"] in str(conflict.value)
    assert "delete it there" in str(conflict.value)
    assert not conflict.value.retryable
    assert (await server.state())["trunks"] == [foreign]
    (seen,) = (await line.find_routes(numbers=[NUMBER])).foreign
    assert (seen.trunk_id, seen.name) == (foreign["sip_trunk_id"], foreign["name"])
    assert (await line.find_routes(numbers=[OTHER])).foreign == ()


async def test_a_number_that_another_of_ours_takes_is_a_conflict_too(server: Server, line: LiveKitLine) -> None:
    """Another label's route is not taken over, whoever asks: the reconciler drops what is left over."""
    await ensure(line, label="ava:another")
    with pytest.raises(NumberRoutedElsewhere, match="“ava:another”"):
        await ensure(line)
    assert [found.label for found in (await line.find_routes()).ours] == ["ava:another"]


async def test_a_foreign_rule_on_our_trunk_is_a_conflict_that_names_it(server: Server, line: LiveKitLine) -> None:
    """LiveKit allows one open rule per trunk: somebody else's is not replaced."""
    route = await ensure(line)
    await server.delete("rules", route.rule_id)
    individual = {"dispatch_rule_individual": {"room_prefix": "theirs-"}}
    foreign = await server.put("rules", {"name": "theirs", "trunk_ids": [route.trunk_id], "rule": individual})
    with pytest.raises(NumberRoutedElsewhere, match="dispatch rule “theirs”"):
        await ensure(line)
    assert (await server.state())["rules"] == [foreign]


async def test_a_trunk_that_takes_every_number_is_no_conflict(server: Server, line: LiveKitLine) -> None:
    """A catch-all gets only what no trunk names, though LiveKit's list shows it for every number."""
    await server.put("trunks", {"name": "catch-all", "allowed_addresses": ["203.0.113.0/24"]})
    route = await ensure(line)
    assert (await server.call(source="203.0.113.7"))["trunk_id"] == route.trunk_id
    assert (await line.find_routes(numbers=[NUMBER])).foreign == ()


Change = tuple[RouteDrift, dict[str, Any], dict[str, Any]]
INDIVIDUAL = {"dispatch_rule_individual": {"room_prefix": "call-"}}
JOB = json.dumps({"dialed": NUMBER, "tenant": "t-1"})
OUR_AGENT = {"agent_name": AGENT, "metadata": JOB}
CHANGES: dict[str, Change] = {  # what the reconciler should call it, what changed on the trunk, and on the rule
    "number changed": (RouteDrift.OTHER_NUMBERS, {"numbers": [OTHER]}, {}),
    "number added": (RouteDrift.OTHER_NUMBERS, {"numbers": [NUMBER, OTHER]}, {}),
    "addresses set": (RouteDrift.OTHER_SOURCES, {"allowed_addresses": ["203.0.113.7"]}, {}),
    "sign-in set": (RouteDrift.OTHER_SOURCES, {"auth_username": "u", "auth_password": "p"}, {}),
    "rule on another trunk": (RouteDrift.RULE_DETACHED, {}, {"trunk_ids": ["ST_elsewhere"]}),
    "agent renamed": (RouteDrift.OTHER_AGENT, {}, {"room_config": {"agents": [OUR_AGENT | {"agent_name": "old"}]}}),
    "job without number": (RouteDrift.OTHER_AGENT, {}, {"room_config": {"agents": [{"agent_name": AGENT}]}}),
    "second agent": (RouteDrift.OTHER_AGENT, {}, {"room_config": {"agents": [OUR_AGENT, {"agent_name": "spy"}]}}),
    "no agent": (RouteDrift.OTHER_AGENT, {}, {"room_config": {}}),
    "numbers hidden": (RouteDrift.ALTERED, {}, {"hide_phone_number": True}),
    "pin asked": (RouteDrift.ALTERED, {}, {"rule": {"dispatch_rule_individual": {"pin": "1234"}}}),
    "one room for all": (RouteDrift.ALTERED, {}, {"rule": {"dispatch_rule_direct": {"room_name": "lobby"}}}),
    "callers kept out": (RouteDrift.ALTERED, {"allowed_numbers": [OTHER]}, {}),
    "callers passed by": (RouteDrift.ALTERED, {}, {"inbound_numbers": [OTHER]}),
    "rings for minutes": (RouteDrift.ALTERED, {"ringing_timeout": "180s"}, {}),
    "unanswered is busy": (RouteDrift.ALTERED, {"ringing_timeout_status": "SIP_STATUS_BUSY_HERE"}, {}),
    "renamed by hand": (RouteDrift.ALTERED, {"name": "reception"}, {"name": "reception"}),
    "marks lost": (RouteDrift.ALTERED, {"metadata": ""}, {"metadata": "not json"}),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_drift_is_seen_and_put_right(server: Server, line: LiveKitLine, change: str) -> None:
    """Whatever somebody changed in LiveKit, ensuring again gives the same route, and calls arrive as on the first day."""
    drift, on_trunk, on_rule = CHANGES[change]
    route = await ensure(line)
    state, call = await server.state(), await server.call()
    await server.put("trunks", state["trunks"][0] | on_trunk)
    await server.put("rules", state["rules"][0] | on_rule)
    assert await drifts(line) == [(drift,)]
    assert await ensure(line) == route == await only_route(server)
    assert await drifts(line) == [()]
    assert same_call(await server.call(), call)
    assert await written(server) == [without_times(state["trunks"][0]), without_times(state["rules"][0])]


@pytest.mark.parametrize(("what", "drift"), [("rules", RouteDrift.NO_RULE), ("trunks", RouteDrift.NO_TRUNK)])
async def test_what_was_deleted_is_made_again(server: Server, line: LiveKitLine, what: str, drift: RouteDrift) -> None:
    """A rule is made for the trunk that is left; a rule that points to a missing trunk gets the new one."""
    route = await ensure(line)
    call = await server.call()
    await server.delete(what, route.rule_id if what == "rules" else route.trunk_id)
    assert await drifts(line) == [(drift,)]
    again = await ensure(line)
    assert again == await only_route(server)
    assert (again.trunk_id == route.trunk_id) is (what == "rules")
    assert (again.rule_id == route.rule_id) is (what == "trunks")
    assert await drifts(line) == [()]
    assert same_call(await server.call(), call)


@pytest.mark.parametrize("what", ["rules", "trunks"])
async def test_what_is_double_is_taken_away(server: Server, line: LiveKitLine, what: str) -> None:
    """Two trunks or rules of one label, made by hand or by an old fault: one stays, and it takes the calls."""
    await ensure(line)
    call = await server.call()
    state = await server.state()
    copy = {k: v for k, v in state[what][0].items() if not k.endswith("_id")} | {"numbers": [OTHER]}
    await server.put(what, copy)
    assert [RouteDrift.SPARES in found for found in await drifts(line)] == [True]
    assert await ensure(line) == await only_route(server)
    assert await drifts(line) == [()]
    assert same_call(await server.call(), call)


async def drifts(line: Line) -> list[tuple[RouteDrift, ...]]:
    return [found.drift_from(NUMBER, agent_name=AGENT) for found in (await line.find_routes()).ours]


def same_call(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Same agent, same job, same attributes but for the ids, and a room of the same kind."""
    rooms = {call["room"].rsplit("_", 1)[0] for call in (one, other)}
    return (
        one["agents"] == other["agents"] and one["attributes"].keys() == other["attributes"].keys() and len(rooms) == 1
    )


def without_times(item: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in item.items() if not k.endswith("_at")}


async def written(server: Server) -> list[dict[str, Any]]:
    state = await server.state()
    return [without_times(item) for what in ("trunks", "rules") for item in state[what]]


async def test_a_server_that_does_not_know_the_status_is_not_written_to_for_ever(
    server: Server, line: LiveKitLine
) -> None:
    """An older LiveKit forgets with what an unanswered call is given back; a trunk from before there was a bound gets both."""
    await ensure(line)
    trunk = (await server.state())["trunks"][0]
    forgotten = {name: value for name, value in trunk.items() if name != "ringing_timeout_status"}
    await server.put("trunks", forgotten)
    assert await drifts(line) == [()]
    await ensure(line)
    assert await server.seen("update_inbound_trunk") == 0
    await server.put("trunks", {name: value for name, value in forgotten.items() if name != "ringing_timeout"})
    assert await drifts(line) == [(RouteDrift.ALTERED,)]
    await ensure(line)
    assert await written(server) == [without_times(trunk), without_times((await server.state())["rules"][0])]


async def test_what_an_operator_added_is_left_alone(server: Server, line: LiveKitLine) -> None:
    """Putting right the agent keeps noise cancellation, headers, recording and attributes somebody set."""
    route = await ensure(line)
    state = await server.state()
    await server.put("trunks", state["trunks"][0] | {"krisp_enabled": True, "numbers": []})
    agents = [{"agent_name": "old", "attributes": {"kept": "yes"}}]
    rule = state["rules"][0] | {
        "attributes": {"site": "north"},
        "room_config": {"max_participants": 4, "agents": agents},
    }
    await server.put("rules", rule)
    assert await ensure(line) == route
    state = await server.state()
    assert state["trunks"][0]["krisp_enabled"] is True
    assert state["rules"][0]["attributes"] == {"site": "north"}
    assert state["rules"][0]["room_config"]["max_participants"] == 4
    assert state["rules"][0]["room_config"]["agents"][0]["attributes"] == {"kept": "yes"}


async def test_dropping_takes_what_is_ours_and_nothing_else(server: Server, line: LiveKitLine) -> None:
    """Dropped twice is fine; another number's route and a stranger's trunk and catch-all rule stay."""
    await ensure(line)
    kept = await ensure(line, OTHER, label="ava:another")
    stranger = await server.put("trunks", {"name": "stranger", "numbers": ["+33111111111"]})
    individual = {"dispatch_rule_individual": {"room_prefix": "any-"}}
    rule = await server.put("rules", {"name": "any", "rule": individual})
    await line.drop_route(NUMBER, label=LABEL)
    await line.drop_route(NUMBER, label=LABEL)
    state = await server.state()
    assert {t["sip_trunk_id"] for t in state["trunks"]} == {kept.trunk_id, stranger["sip_trunk_id"]}
    assert {r["sip_dispatch_rule_id"] for r in state["rules"]} == {kept.rule_id, rule["sip_dispatch_rule_id"]}
    await line.drop_route("+33111111111", label=LABEL)
    assert len((await server.state())["trunks"]) == 2


@pytest.mark.parametrize("operation", ["delete_trunk", "delete_dispatch_rule"])
async def test_a_drop_whose_answer_is_lost_is_done_again(server: Server, line: LiveKitLine, operation: str) -> None:
    """The second try finds nothing to delete, and that is success."""
    await ensure(line)
    await server.fault(operation, "lost_answer")
    await line.drop_route(NUMBER, label=LABEL)
    state = await server.state()
    assert (state["trunks"], state["rules"]) == ([], [])


async def test_a_label_that_is_not_of_this_line_is_a_mistake(line: LiveKitLine) -> None:
    """Another deployment's prefix can neither be set up nor dropped here."""
    with pytest.raises(ValueError, match="begins with ava:"):
        await ensure(line, label="staging:1")
    with pytest.raises(ValueError, match="begins with ava:"):
        await line.drop_route(NUMBER, label="")


@pytest.mark.parametrize("operation", ["list_inbound_trunk", "create_inbound_trunk", "create_dispatch_rule"])
async def test_being_limited_for_a_moment_is_not_noticed(server: Server, line: LiveKitLine, operation: str) -> None:
    """429 says that nothing was processed: the same request is sent again, after a while."""
    await server.fault(operation, "status", status=429, times=2)
    assert await ensure(line) == await only_route(server)
    assert await server.seen(operation) >= 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, LineThrottled), (500, LineUnavailable), (503, LineUnavailable), (408, LineUnavailable),
        (401, LineCredentialsRefused), (403, LineCredentialsRefused), (404, LineRefused), (412, LineRefused),
        (501, LineRefused),
    ],
)  # fmt: skip
async def test_lasting_failures_say_who_must_act(
    server: Server, line: LiveKitLine, status: int, error: type[LineError]
) -> None:
    """Each status is one of the port's errors, retryable only where waiting can help."""
    await server.fault("list_inbound_trunk", "status", status=status, times=None)
    with pytest.raises(error) as failure:
        await ensure(line)
    assert failure.value.retryable is (status in (429, 500, 503, 408))
    assert await server.seen("list_inbound_trunk") == (3 if failure.value.retryable else 1 + (error is LineRefused))


async def test_no_number_gets_into_an_error_or_a_log(
    server: Server, line: LiveKitLine, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What the server says is passed on without anything that looks like a telephone number."""
    for status, error in ((500, LineUnavailable), (400, LineRefused)):
        body = {
            "code": "internal" if status == 500 else "invalid_argument",
            "msg": f"no luck with {NUMBER}, 33 1 23 45 67 89",
        }
        await server.fault("create_inbound_trunk", "status", status=status, body=body, times=3)
        with pytest.raises(error, match="no luck with …, …") as failure:
            await ensure(line)
        assert NUMBER[1:] not in repr(failure.value)
        await server.http.delete("/_ctl/faults")
    written = "".join(capsys.readouterr()) + caplog.text
    assert NUMBER[1:] not in written


async def test_a_server_that_stays_away_for_writes_leaves_nothing_double(server: Server, line: LiveKitLine) -> None:
    """Every answer of a create is lost: the error is retryable, and the next try finds the one that was made."""
    await server.fault("create_inbound_trunk", "lost_answer", times=None)
    await server.fault("create_dispatch_rule", "status", status=500, times=None)
    with pytest.raises(LineUnavailable) as failure:
        await ensure(line)
    assert failure.value.maybe_done
    assert len((await server.state())["trunks"]) == 1
    await server.http.delete("/_ctl/faults")
    assert await ensure(line) == await only_route(server)


async def test_slowness_ends_at_the_deadline(server: Server, make_line: MakeLine) -> None:
    """A server that answers nothing costs the caller the deadline and no more."""
    line = make_line(server.url, deadline=0.3, request_timeout=5.0)
    await server.fault("*", "delay", delay_ms=1_000, times=None)
    started = asyncio.get_running_loop().time()
    with pytest.raises(LineUnavailable):
        await ensure(line)
    with pytest.raises(LineUnavailable):
        await line.ping()
    assert asyncio.get_running_loop().time() - started < 1.2


async def test_nobody_there_is_unavailable_and_certainly_nothing_done(make_line: MakeLine) -> None:
    """A refused connection is known not to have been processed."""
    line = make_line("http://127.0.0.1:9")
    with pytest.raises(LineUnavailable, match="no connection") as failure:
        await line.ping()
    assert not failure.value.maybe_done


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ftp://127.0.0.1"])
async def test_an_address_that_is_none_is_told_apart(address: str, make_line: MakeLine) -> None:
    """A mistyped LIVEKIT_URL names the setting instead of looking like an outage."""
    line = make_line(address)
    with pytest.raises(LineRefused, match="LIVEKIT_URL"):
        await line.ping()


async def test_a_key_that_is_not_accepted_is_the_operators_business(server: Server, make_line: MakeLine) -> None:
    """The real server answers that in plain text before Twirp; neither key nor token shows in the error."""
    line = make_line(server.url, secret="another-secret-another-secret-another-secret")
    for act in (line.ping(), ensure(line)):
        with pytest.raises(LineCredentialsRefused, match="LIVEKIT_API_SECRET") as refused:
            await act
        assert "another-secret" not in repr(refused.value)
        assert refused.value.__cause__ is None


async def test_ping_and_reopening(server: Server, line: LiveKitLine) -> None:
    """A line that answers is ready; closed twice is fine, and a closed one opens again when asked."""
    await line.ping()
    await line.aclose()
    await line.aclose()
    await line.ping()
    assert await server.seen("list_rooms") == 2


@pytest.mark.parametrize("kind", ["cloud", "open"])
async def test_every_page_is_read(kind: str, make_line: MakeLine) -> None:
    """Ours is found behind many others, on a server that caps its pages and on one that gives all at once."""
    options = {"server": kind, "page_cap": "7" if kind == "cloud" else "0"}
    async with serving(options) as server:
        line = make_line(server.url)
        for index in range(20):
            await server.put("trunks", {"name": f"other {index}", "numbers": [f"+3315550{index:04}"]})
        route = await ensure(line)
        assert await ensure(line) == route
        assert [found.trunk_id for found in (await line.find_routes()).ours] == [route.trunk_id]
        await line.drop_route(NUMBER, label=LABEL)
        assert len((await server.state())["trunks"]) == 20


async def test_a_found_route_shows_no_number() -> None:
    """What the reconciler logs is ids and labels."""
    found = FoundRoute(LABEL, "ST_1", (NUMBER,), (), "carrier", "SDR_1", True, AGENT, NUMBER)
    assert NUMBER not in repr(found)
    assert "carrier" not in repr(found)
