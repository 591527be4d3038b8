"""A purchase cut anywhere: exactly one number bought, one route, every time; and the same for release and import.

The process dies after each single call it makes outside, in turn. Dying before a call is dying after the one before it.
Then, by turns, the owner sends the request again with the same key, or the completer finds what was left lying.
"""

import asyncio
from typing import Any

import httpx
import pytest
import pytest_asyncio

from control_api.numbers.assembly import Numbers
from sandbox.faults import FaultRule
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.dying import Died, Fate, process
from tests.fakes.telephone_numbers import (
    at_twilio,
    execute,
    gets_out,
    key,
    let_time_pass,
    number_at_twilio,
    on_line,
    own_twilio,
)

E164 = "+12025550100"
IMPORTED, HOOK = "+12125550100", "https://calls.example.com/in"
BODY = {"e164": E164, "country": "US", "kind": "local"}
IMPORT = {"e164": IMPORTED, "confirm_takeover": True}

BUYING = (
    "database rpc/claim_idempotency_key_v1",
    "database number_purchases",
    "twilio GET US",
    "database numbers",
    "database tenants",
    "database rpc/request_number_v1",
    "database rpc/take_number_work_v1",
    "database rpc/hold_managed_account_v1",
    "twilio GET Accounts",
    "twilio POST Accounts",
    "database rpc/managed_account_opened_v1",
    "database rpc/number_buying_v1",
    "twilio GET IncomingPhoneNumbers",
    "twilio POST IncomingPhoneNumbers",
    "database rpc/number_bought_v1",
    "database carrier_accounts",
    "database rpc/hold_termination_v1",
    "twilio GET Trunks",
    "twilio POST Trunks",
    "twilio GET OriginationUrls",
    "twilio POST OriginationUrls",
    "twilio GET CredentialLists",
    "twilio POST CredentialLists",
    "twilio GET Credentials",
    "twilio POST Credentials",
    "twilio GET CredentialLists",
    "twilio POST CredentialLists",
    "database rpc/termination_set_v1",
    "livekit trunks",
    "livekit create_trunk",
    "livekit rules",
    "livekit create_rule",
    "livekit outgoing",
    "livekit create_outgoing",
    "twilio GET IncomingPhoneNumbers",
    "twilio POST IncomingPhoneNumbers",
    "database rpc/number_routed_v1",
    "database rpc/number_activated_v1",
    "database number_purchases",
    "database rpc/complete_idempotency_key_v1",
)
RELEASING = (
    "database rpc/release_number_v1",
    "database rpc/take_number_work_v1",
    "database carrier_accounts",
    "twilio GET IncomingPhoneNumbers",
    "twilio DELETE IncomingPhoneNumbers",
    "livekit rules",
    "livekit delete_rule",
    "livekit trunks",
    "livekit delete_trunk",
    "livekit outgoing",
    "livekit delete_trunk",
    "database rpc/number_released_v1",
    "database number_purchases",
)
IMPORTING = (
    "database rpc/claim_idempotency_key_v1",
    "database number_purchases",
    "database carrier_accounts",
    "database carrier_accounts",
    "twilio GET IncomingPhoneNumbers",
    "database rpc/request_number_v1",
    "database rpc/take_number_work_v1",
    "database carrier_accounts",
    "twilio GET IncomingPhoneNumbers",
    "database rpc/number_bought_v1",
    "database carrier_accounts",
    "database rpc/hold_termination_v1",
    "twilio GET Trunks",
    "twilio POST Trunks",
    "twilio GET OriginationUrls",
    "twilio POST OriginationUrls",
    "twilio GET CredentialLists",
    "twilio POST CredentialLists",
    "twilio GET Credentials",
    "twilio POST Credentials",
    "twilio GET CredentialLists",
    "twilio POST CredentialLists",
    "database rpc/termination_set_v1",
    "livekit trunks",
    "livekit create_trunk",
    "livekit rules",
    "livekit create_rule",
    "livekit outgoing",
    "livekit create_outgoing",
    "twilio GET IncomingPhoneNumbers",
    "twilio POST IncomingPhoneNumbers",
    "database rpc/number_routed_v1",
    "database rpc/number_activated_v1",
    "database number_purchases",
    "database rpc/complete_idempotency_key_v1",
)
GIVING_BACK = (
    "database rpc/release_number_v1",
    "database rpc/take_number_work_v1",
    "database carrier_accounts",
    "twilio GET IncomingPhoneNumbers",
    "twilio GET IncomingPhoneNumbers",
    "twilio DELETE PhoneNumbers",
    "twilio POST IncomingPhoneNumbers",
    "livekit rules",
    "livekit delete_rule",
    "livekit trunks",
    "livekit delete_trunk",
    "livekit outgoing",
    "livekit delete_trunk",
    "database rpc/number_released_v1",
    "database number_purchases",
)


def each(calls: tuple[str, ...]) -> Any:
    places = [pytest.param(place, id=f"{place:02d}-{call.replace(' ', '-')}") for place, call in enumerate(calls, 1)]
    return pytest.mark.parametrize("place", places)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def empty_world(plane: ControlPlane) -> None:
    """No number here, at the carrier or on the line, so that each test may buy the same one."""
    for stand_in in ("twilio", "livekit"):
        await plane.control(stand_in, "reset")
    execute(plane, *(f"delete from {table}" for table in ("phone_numbers", "number_purchases", "carrier_accounts")))


async def bought_once(plane: ControlPlane, owner: Client) -> None:
    state = await at_twilio(plane)
    accounts = [a for a in state["accounts"] if a["friendly_name"] == f"ava:tenant:{owner.tenant_id}"]
    assert len(accounts) == 1
    assert len(state["accounts"]) == 2, "the platform's, and one for the business"
    assert [sale["e164"] for sale in state["sales"]] == [E164]
    number = await number_at_twilio(plane, E164)
    assert number is not None
    assert number["account_sid"] == accounts[0]["sid"]
    assert [trunk["sid"] for trunk in state["trunks"]] == [number["trunk_sid"]]
    assert [url["sip_url"] for url in state["trunks"][0]["origination"]] == [plane.settings.livekit_sip_uri]
    [carrier] = plane.database.select("select carrier_id from carrier_accounts where tenant_id = %s", owner.tenant_id)
    asks_at = f"{plane.settings.public_url}/v1/carriers/twilio/{carrier['carrier_id']}/fallback"
    assert state["trunks"][0]["disaster_recovery_url"] == asks_at
    await answers(plane, owner, E164)


async def answers(plane: ControlPlane, owner: Client, e164: str) -> None:
    """Once on the line, once in the database; and calls from it get out, signed in with what the carrier was told."""
    line = await plane.control("livekit", "state", method="GET")
    assert (len(line["trunks"]), len(line["rules"])) == (1, 1)
    assert [trunk["numbers"] for trunk in line["outbound_trunks"]] == [[e164]]
    assert await gets_out(plane, line["outbound_trunks"][0])
    assert [len(held["usernames"]) for held in (await at_twilio(plane))["credential_lists"]] == [1]
    trunks, rules = await on_line(plane, e164)
    assert (len(trunks), len(rules)) == (1, 1)
    rows = plane.database.select("select tenant_id from phone_numbers where e164 = %s", e164)
    assert [row["tenant_id"] for row in rows] == [owner.tenant_id]
    purchases = plane.database.select("select state, last_error from number_purchases where e164 = %s", e164)
    assert purchases == [{"state": "active", "last_error": None}]


async def gone(plane: ControlPlane, e164: str) -> None:
    """Nothing on the line, nothing that answers."""
    line = await plane.control("livekit", "state", method="GET")
    assert (line["trunks"], line["rules"], line["outbound_trunks"]) == ([], [], [])
    assert plane.database.select("select 1 from phone_numbers where e164 = %s", e164) == []
    purchases = plane.database.select("select state from number_purchases where e164 = %s", e164)
    assert purchases == [{"state": "released"}]


async def asked_until_dead(owner: Client, path: str, body: Any, header: dict[str, str]) -> None:
    with pytest.raises(Died):
        await owner.post(path, body, headers=header)


async def set_right(
    plane: ControlPlane, owner: Client, numbers: Numbers, ask: tuple[str, Any, dict[str, str]], *, completer: bool
) -> httpx.Response:
    """By whoever comes first; the owner asks again in any case -> what they are told."""
    let_time_pass(plane)
    if completer:
        await numbers.completer.run_once()
    path, body, header = ask
    return await owner.post(path, body, headers=header)


class TestDying:
    """After each call, in turn."""

    async def test_these_are_the_calls(self, plane: ControlPlane, owner: Client) -> None:
        """The lists above are what a purchase, a release, an import and its release really do, all of it."""
        fate = Fate()
        async with process(plane, fate):
            await owner.made("/v1/numbers/purchases", BODY, headers=key())
            assert tuple(fate.calls) == BUYING
            fate.calls.clear()
            await owner.made(f"/v1/numbers/{E164}/release", {"confirm": E164})
            assert tuple(fate.calls) == RELEASING
            await self._own(plane, owner)
            fate.calls.clear()
            await owner.made("/v1/numbers/imports", IMPORT, headers=key())
            assert tuple(fate.calls) == IMPORTING
            fate.calls.clear()
            await owner.made(f"/v1/numbers/{IMPORTED}/release", {"confirm": IMPORTED})
            assert tuple(fate.calls) == GIVING_BACK

    @each(BUYING)
    async def test_a_purchase(self, plane: ControlPlane, owner: Client, place: int) -> None:
        """One number, one account, one trunk, one route, one row; and the owner is told that it is active."""
        header = key()
        async with process(plane, Fate(dies_after=place)):
            await asked_until_dead(owner, "/v1/numbers/purchases", BODY, header)
        async with process(plane, Fate()) as numbers:
            ask = ("/v1/numbers/purchases", BODY, header)
            answer = await set_right(plane, owner, numbers, ask, completer=place % 2 == 0)
        assert (answer.status_code, answer.json()["state"]) == (201, "active")
        await bought_once(plane, owner)

    @each(RELEASING)
    async def test_a_release(self, plane: ControlPlane, owner: Client, place: int) -> None:
        """The number is given back, its route is gone, and asking again says so."""
        async with process(plane, Fate()):
            await owner.made("/v1/numbers/purchases", BODY, headers=key())
        ask = (f"/v1/numbers/{E164}/release", {"confirm": E164}, dict[str, str]())
        async with process(plane, Fate(dies_after=place)):
            await asked_until_dead(owner, *ask)
        async with process(plane, Fate()) as numbers:
            answer = await set_right(plane, owner, numbers, ask, completer=place % 2 == 0)
        assert (answer.status_code, answer.json()["state"]) == (200, "released")
        assert await number_at_twilio(plane, E164) is None
        await gone(plane, E164)

    @each(IMPORTING)
    async def test_an_import(self, plane: ControlPlane, owner: Client, place: int) -> None:
        """Taken over once, with where it led kept; nothing is bought."""
        account_sid = await self._own(plane, owner)
        header = key()
        async with process(plane, Fate(dies_after=place)):
            await asked_until_dead(owner, "/v1/numbers/imports", IMPORT, header)
        async with process(plane, Fate()) as numbers:
            ask = ("/v1/numbers/imports", IMPORT, header)
            answer = await set_right(plane, owner, numbers, ask, completer=place % 2 == 0)
        assert (answer.status_code, answer.json()["state"]) == (201, "active")
        assert answer.json()["previous_routing"]["target"] == "calls.example.com"
        state = await at_twilio(plane)
        assert state["sales"] == []
        assert [trunk["account_sid"] for trunk in state["trunks"]] == [account_sid]
        await answers(plane, owner, IMPORTED)

    @each(GIVING_BACK)
    async def test_the_release_of_an_import(self, plane: ControlPlane, owner: Client, place: int) -> None:
        """Its calls go where they went, and the number is still its owner's."""
        await self._own(plane, owner)
        async with process(plane, Fate()):
            await owner.made("/v1/numbers/imports", IMPORT, headers=key())
        ask = (f"/v1/numbers/{IMPORTED}/release", {"confirm": IMPORTED}, dict[str, str]())
        async with process(plane, Fate(dies_after=place)):
            await asked_until_dead(owner, *ask)
        async with process(plane, Fate()) as numbers:
            answer = await set_right(plane, owner, numbers, ask, completer=place % 2 == 0)
        assert (answer.status_code, answer.json()["state"]) == (200, "released")
        number = await number_at_twilio(plane, IMPORTED)
        assert number is not None
        assert (number["trunk_sid"], number["voice_url"]) == (None, HOOK)
        await gone(plane, IMPORTED)

    async def _own(self, plane: ControlPlane, owner: Client) -> str:
        account_sid = await own_twilio(plane, owner)
        seed = {"e164": IMPORTED, "account_sid": account_sid, "voice_url": HOOK}
        await plane.control("twilio", "numbers", seed)
        return account_sid


class TestLostAnswers:
    """The process lives, what it asked for is done, and the answer never comes."""

    @pytest.mark.parametrize("kind", ["lost_answer", "cut"])
    @pytest.mark.parametrize(
        ("stand_in", "operation"),
        [
            ("twilio", "open_subaccount"),
            ("twilio", "buy"),
            ("twilio", "open_trunk"),
            ("twilio", "create_origination"),
            ("twilio", "create_list"),
            ("twilio", "create_credential"),
            ("twilio", "attach_list"),
            ("twilio", "update_number"),
            ("livekit", "create_inbound_trunk"),
            ("livekit", "create_dispatch_rule"),
            ("livekit", "create_outbound_trunk"),
        ],
    )
    async def test_outside(self, plane: ControlPlane, owner: Client, stand_in: str, operation: str, kind: str) -> None:
        """At the carrier or on the line, done (lost_answer) or not (cut): looked for, and done once."""
        await plane.control(stand_in, "faults", [{"operation": operation, "kind": kind}])
        await self._bought(plane, owner)
        [rule] = (await plane.control(stand_in, "faults", method="GET"))["rules"]
        assert rule["applied"] == 1, "the answer was not lost: nothing was tried here"

    @pytest.mark.parametrize("kind", ["lost_answer", "cut"])
    @pytest.mark.parametrize("call", [call for call in BUYING if "rpc/" in call])
    async def test_of_the_database(self, plane: ControlPlane, owner: Client, call: str, kind: Any) -> None:
        """Each step is said again; what the owner is told may be 503, and asking again with the same key settles it."""
        plane.database.add_faults(FaultRule(operation=call.rpartition("/")[2], kind=kind))
        try:
            await self._bought(plane, owner)
            [rule] = (await plane.platform.http.get(f"{plane.database.url}/_ctl/faults")).json()["rules"]
            assert rule["applied"] == 1, "the answer was not lost: nothing was tried here"
        finally:
            plane.database.clear_faults()

    async def _bought(self, plane: ControlPlane, owner: Client) -> None:
        header = key()
        async with process(plane, Fate()) as numbers:
            first = await owner.post("/v1/numbers/purchases", BODY, headers=header)
            assert first.status_code in (201, 202, 503), first.text
            let_time_pass(plane)
            await numbers.completer.run_once()
            again = await owner.post("/v1/numbers/purchases", BODY, headers=header)
            assert again.status_code in (201, 202), again.text
            purchase = await owner.get(f"/v1/numbers/purchases/{again.json()['purchase_id']}")
            assert (purchase.json()["state"], purchase.json()["last_error"]) == ("active", None)
        await bought_once(plane, owner)

    async def test_a_purchase_that_nobody_can_look_for(self, plane: ControlPlane, owner: Client) -> None:
        """Made, its answer lost, the list away: 202 and requested, never failed; later it is found, and was bought once."""
        await plane.control("twilio", "faults", [{"operation": "buy", "kind": "lost_answer"}])
        hidden = {"operation": "list_numbers", "kind": "status", "status": 503, "skip": 1, "times": None}
        await plane.control("twilio", "faults", [hidden])
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert (answer.status_code, answer.json()["state"]) == (202, "requested")
            assert answer.json()["last_error"]["code"] == "purchase_unconfirmed"
            await plane.control("twilio", "faults", method="DELETE")
            let_time_pass(plane)
            await numbers.completer.run_once()
        await bought_once(plane, owner)

    async def test_a_purchase_that_is_made_long_after(self, plane: ControlPlane, owner: Client) -> None:
        """Not to be seen when it is looked for, and refused as taken when sent again: it was taken by ourselves."""
        await plane.control("twilio", "late_commit", {"delay_ms": 1500})
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert (answer.status_code, answer.json()["state"]) == (202, "requested")
            await asyncio.sleep(1.2)
            let_time_pass(plane)
            await numbers.completer.run_once()
        await bought_once(plane, owner)

    async def test_a_number_that_somebody_else_took_while_we_did_not_know(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """After an unknown outcome a refusal is not believed at once: ours may still appear. When it can't any more, it
        failed."""
        await plane.control("twilio", "faults", [{"operation": "buy", "kind": "cut"}])
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert answer.json()["state"] == "requested"
            await plane.control("twilio", "take", {"e164": E164})
            path = answer.headers["location"]
            let_time_pass(plane)
            await numbers.completer.run_once()
            assert (await owner.get(path)).json()["state"] == "requested"
            let_time_pass(plane, minutes=11)
            await numbers.completer.run_once()
            told = (await owner.get(path)).json()
        assert (told["state"], told["last_error"]["code"]) == ("failed", "number_not_available")
        assert (await at_twilio(plane))["sales"] == []

    async def test_a_refusal_is_believed_where_nothing_was_sent_before(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """The carrier was away at first, before it was asked to sell: then taken means taken."""
        away = {"operation": "list_numbers", "kind": "status", "status": 503, "times": None}
        await plane.control("twilio", "faults", [away])
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert (answer.status_code, answer.json()["state"]) == (202, "requested")
            assert answer.json()["last_error"]["code"] == "carrier_unavailable"
            await plane.control("twilio", "faults", method="DELETE")
            await plane.control("twilio", "take", {"e164": E164})
            let_time_pass(plane)
            await numbers.completer.run_once()
            assert (await owner.get(answer.headers["location"])).json()["state"] == "failed"

    async def test_giving_up_a_purchase_whose_outcome_is_unknown(self, plane: ControlPlane, owner: Client) -> None:
        """Released while it may still appear: looked for until it can't, and given back when it is found."""
        await plane.control("twilio", "late_commit", {"delay_ms": 1500})
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert answer.json()["state"] == "requested"
            released = await owner.post(f"/v1/numbers/{E164}/release", {"confirm": E164})
            assert (released.status_code, released.json()["state"]) == (202, "releasing")
            await asyncio.sleep(1.2)
            let_time_pass(plane)
            await numbers.completer.run_once()
        assert await number_at_twilio(plane, E164) is None
        assert len((await at_twilio(plane))["sales"]) == 1
        await gone(plane, E164)


class TestAtOnce:
    """Several at a time."""

    async def test_the_same_request_twice(self, plane: ControlPlane, owner: Client) -> None:
        """One works, the other is told to wait; both know the same purchase in the end."""
        header = key()
        async with process(plane, Fate()):
            both = [owner.post("/v1/numbers/purchases", BODY, headers=header) for _ in range(2)]
            answers_given = sorted(answer.status_code for answer in await asyncio.gather(*both))
            assert answers_given in ([201, 409], [201, 201])
            replayed = await owner.post("/v1/numbers/purchases", BODY, headers=header)
            assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
        await bought_once(plane, owner)

    async def test_two_tenants_want_one_number(self, plane: ControlPlane, owner: Client) -> None:
        """One gets it; the other is told what they would be told had the carrier sold it to a stranger."""
        other = await plane.owner()
        async with process(plane, Fate()):
            both = [who.post("/v1/numbers/purchases", BODY, headers=key()) for who in (owner, other)]
            told = await asyncio.gather(*both)
        assert sorted(answer.status_code for answer in told) == [201, 409]
        winner, loser = (owner, other) if told[0].status_code == 201 else (other, owner)
        refused = next(answer for answer in told if answer.status_code == 409)
        assert refused.json()["type"] == "urn:ava:problem:number_not_available"
        assert (await loser.get("/v1/numbers")).json()["items"] == []
        await bought_once(plane, winner)

    async def test_two_first_purchases_open_one_account(self, plane: ControlPlane, owner: Client) -> None:
        """Whoever comes second waits for the first one's account."""
        second = {**BODY, "e164": "+12025550101"}
        async with process(plane, Fate()) as numbers:
            both = [owner.post("/v1/numbers/purchases", body, headers=key()) for body in (BODY, second)]
            assert {answer.status_code for answer in await asyncio.gather(*both)} <= {201, 202}
            let_time_pass(plane)
            await numbers.completer.run_once()
        state = await at_twilio(plane)
        assert len(state["accounts"]) == 2
        assert sorted(sale["e164"] for sale in state["sales"]) == [E164, second["e164"]]
        assert len({number["trunk_sid"] for number in state["numbers"]}) == 1

    async def test_many_completers(self, plane: ControlPlane, owner: Client) -> None:
        """Each abandoned purchase is taken up by one of them."""
        header = key()
        async with process(plane, Fate(dies_after=BUYING.index("twilio POST IncomingPhoneNumbers") + 1)):
            await asked_until_dead(owner, "/v1/numbers/purchases", BODY, header)
        let_time_pass(plane)
        fates = [Fate() for _ in range(3)]
        async with process(plane, fates[0]) as one, process(plane, fates[1]) as two, process(plane, fates[2]) as three:
            worked = await asyncio.gather(*(numbers.completer.run_once() for numbers in (one, two, three)))
        assert sum(worked) == 1
        await bought_once(plane, owner)

    async def test_a_number_in_hand_is_left_alone(self, plane: ControlPlane, owner: Client) -> None:
        """While the lease of whoever has it lasts, the completer takes nothing, a request reports how far it is, and a
        release is told to wait."""
        header = key()
        async with process(plane, Fate(dies_after=BUYING.index("database rpc/number_bought_v1") + 1)):
            await asked_until_dead(owner, "/v1/numbers/purchases", BODY, header)
        execute(plane, "update idempotency_keys set claimed_until = now() - interval '1 second'")
        async with process(plane, Fate()) as numbers:
            assert await numbers.completer.run_once() == 0
            again = await owner.post("/v1/numbers/purchases", BODY, headers=header)
            assert (again.status_code, again.json()["state"]) == (202, "bought")
            busy = await owner.post(f"/v1/numbers/{E164}/release", {"confirm": E164})
            assert (busy.status_code, busy.json()["reason"]) == (409, "number_busy")


class TestUnroutable:
    """A number that was bought and can't be led to us."""

    async def test_is_kept_told_and_given_back_on_request(self, plane: ControlPlane, owner: Client) -> None:
        """It stays bought with the reason, is tried again, and released when its owner says so: no orphan on an invoice."""
        await plane.control("livekit", "trunks", {"name": "an operator's", "numbers": [E164]})
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert (answer.status_code, answer.json()["state"]) == (202, "bought")
            assert answer.json()["last_error"]["code"] == "number_routed_elsewhere"
            assert (await owner.get(f"/v1/numbers/{E164}")).json()["answers"] is False
            let_time_pass(plane)
            await numbers.completer.run_once()
            assert (await owner.get(answer.headers["location"])).json()["state"] == "bought"
            released = await owner.post(f"/v1/numbers/{E164}/release", {"confirm": E164})
            assert (released.status_code, released.json()["state"]) == (200, "released")
        assert await number_at_twilio(plane, E164) is None
        trunks, _ = await on_line(plane, E164)
        assert [trunk["name"] for trunk in trunks] == ["an operator's"]

    async def test_goes_on_once_the_way_is_free(self, plane: ControlPlane, owner: Client) -> None:
        """The operator takes the trunk away: the completer finishes it."""
        trunk = await plane.control("livekit", "trunks", {"name": "an operator's", "numbers": [E164]})
        async with process(plane, Fate()) as numbers:
            answer = await owner.post("/v1/numbers/purchases", BODY, headers=key())
            assert answer.json()["state"] == "bought"
            await plane.control("livekit", f"trunks/{trunk['sip_trunk_id']}", method="DELETE")
            let_time_pass(plane)
            await numbers.completer.run_once()
            purchase = (await owner.get(answer.headers["location"])).json()
            assert (purchase["state"], purchase["last_error"]) == ("active", None)
        await bought_once(plane, owner)
