"""Numbers as an owner uses them: search, buy, import, bring a trunk, assign, give back, and what it all costs."""

import logging
from typing import Any
from uuid import uuid4

import pytest

from control_api.numbers.completer import Completer
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.telephone_numbers import (
    account_at_twilio,
    assistant,
    at_twilio,
    bought,
    execute,
    key,
    let_time_pass,
    number_at_twilio,
    offered,
    on_line,
    own_twilio,
)

_IMPORTED = iter(range(1000))


def foreign_number() -> str:
    """A number that an owner has somewhere; each is used once."""
    return f"+1212555{next(_IMPORTED):04d}"


class TestBuying:
    """Search, buy, assign, give back."""

    async def test_the_whole_way(self, plane: ControlPlane, owner: Client) -> None:
        """Searched with its price, bought for an assistant, routed on both sides, found by a call, given back."""
        choice = (await offered(owner, area_code="415", capabilities=["voice", "sms"]))[0]
        assert choice["e164"].startswith("+1415")
        assert (choice["monthly_price"], choice["currency"], choice["needs"]) == ("1.15", "USD", [])
        who = await assistant(owner)
        body = {"e164": choice["e164"], "country": "US", "kind": "local", "assistant_id": who}
        answer = await owner.post("/v1/numbers/purchases", body, headers=key())
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert (made["state"], made["monthly_price"], made["last_error"]) == ("active", "1.15", None)
        assert answer.headers["location"] == f"/v1/numbers/purchases/{made['purchase_id']}"

        number = await number_at_twilio(plane, choice["e164"])
        assert number is not None
        assert number["label"] == f"ava:{made['purchase_id']}"
        assert number["trunk_sid"] is not None
        trunks, rules = await on_line(plane, choice["e164"])
        assert len(trunks) == len(rules) == 1
        agent = rules[0]["room_config"]["agents"][0]
        assert agent["agent_name"] == plane.settings.ava_agent_name
        assert choice["e164"] in agent["metadata"]
        row = plane.database.select("select assistant_id from phone_numbers where e164 = %s", choice["e164"])
        assert [str(one["assistant_id"]) for one in row] == [who]

        released = await owner.post(f"/v1/numbers/{choice['e164']}/release", {"confirm": choice["e164"]})
        assert (released.status_code, released.json()["state"]) == (200, "released")
        assert await number_at_twilio(plane, choice["e164"]) is None
        assert await on_line(plane, choice["e164"]) == ([], [])
        assert (await owner.get(f"/v1/numbers/{choice['e164']}")).status_code == 404
        again = await owner.post(f"/v1/numbers/{choice['e164']}/release", {"confirm": choice["e164"]})
        assert again.json()["state"] == "released"

    async def test_the_carrier_leads_calls_to_the_line_and_lets_them_be_transferred(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """In an account of the tenant's own, with one trunk however many numbers."""
        first, second = await bought(owner), await bought(owner)
        state = await at_twilio(plane)
        numbers = [n for n in state["numbers"] if n["e164"] in (first["e164"], second["e164"])]
        assert len({n["account_sid"] for n in numbers}) == len({n["trunk_sid"] for n in numbers}) == 1
        trunk = next(t for t in state["trunks"] if t["sid"] == numbers[0]["trunk_sid"])
        assert [url["sip_url"] for url in trunk["origination"]] == [plane.settings.livekit_sip_uri]
        assert trunk["transfer_mode"] == "enable-all"
        assert numbers[0]["account_sid"] != plane.settings.twilio_account_sid
        carriers = (await owner.get("/v1/carriers")).json()
        assert [(c["kind"], c["account_sid"]) for c in carriers] == [("managed", numbers[0]["account_sid"])]

    async def test_assigning(self, plane: ControlPlane, owner: Client) -> None:
        """An assistant of one's own, not an archived one; unassigned, the assistant can be archived."""
        number = await bought(owner)
        path, who = f"/v1/numbers/{number['e164']}", await assistant(owner)
        put = await owner.http.put(f"{path}/assistant", json={"assistant_id": who})
        assert (put.status_code, put.json()["assistant_id"]) == (200, who)
        archive = {"status": "archived"}
        assert (await owner.http.put(f"/v1/assistants/{who}/status", json=archive)).status_code == 409
        assert (await owner.http.delete(f"{path}/assistant")).json()["assistant_id"] is None
        assert (await owner.http.put(f"/v1/assistants/{who}/status", json=archive)).status_code == 200
        refused = await owner.http.put(f"{path}/assistant", json={"assistant_id": who})
        assert (refused.status_code, refused.json()["reason"]) == (409, "assistant_archived")
        other = await plane.owner()
        foreign = await owner.http.put(f"{path}/assistant", json={"assistant_id": await assistant(other)})
        assert (foreign.status_code, foreign.json()["reason"]) == (404, "assistant_not_found")

    async def test_a_number_that_is_taken_between_search_and_purchase(self, plane: ControlPlane, owner: Client) -> None:
        """Told at once, failed for good, told again in the same words; the number after it can be bought."""
        first, second, *_ = await offered(owner)
        await plane.control("twilio", "take", {"e164": first["e164"]})
        body = {"e164": first["e164"], "country": "US", "kind": "local"}
        header = key()
        told = [await owner.post("/v1/numbers/purchases", body, headers=header) for _ in range(2)]
        assert [a.status_code for a in told] == [409, 409]
        assert {a.json()["type"] for a in told} == {"urn:ava:problem:number_not_available"}
        purchase = await owner.get(f"/v1/numbers/purchases/{told[0].json()['purchase_id']}")
        assert (purchase.json()["state"], purchase.json()["last_error"]["code"]) == ("failed", "number_not_available")
        assert (await owner.get("/v1/numbers")).json()["items"] == []
        body["e164"] = second["e164"]
        assert (await owner.post("/v1/numbers/purchases", body, headers=key())).status_code == 201

    @pytest.mark.parametrize(
        ("country", "kind", "code"), [("IL", "local", "address_required"), ("GB", "mobile", "bundle_required")]
    )
    async def test_what_a_country_asks_for_is_shown_and_told(
        self, plane: ControlPlane, owner: Client, country: str, kind: str, code: str
    ) -> None:
        """In the search, in the requirements, and when it is missing in a purchase, which then costs nothing."""
        choice = (await offered(owner, country=country, kind=kind))[0]
        assert choice["needs"]
        needs = (
            await owner.get("/v1/available-numbers/requirements", params={"country": country, "kind": kind})
        ).json()
        assert needs["needs"] == choice["needs"]
        assert bool(needs["regulations"]) is (code == "bundle_required")
        body = {"e164": choice["e164"], "country": country, "kind": kind}
        answer = await owner.post("/v1/numbers/purchases", body, headers=key())
        assert (answer.status_code, answer.json()["type"]) == (422, f"urn:ava:problem:{code}")
        assert await number_at_twilio(plane, choice["e164"]) is None

    async def test_with_the_papers_it_is_bought(self, plane: ControlPlane, owner: Client) -> None:
        """A bundle that was approved in the business's account, named in the purchase."""
        await bought(owner)
        account_sid = (await owner.get("/v1/carriers")).json()[0]["account_sid"]
        bundle = await plane.control(
            "twilio", "bundles", {"country": "GB", "kind": "mobile", "account_sid": account_sid}
        )
        choice = (await offered(owner, country="GB", kind="mobile"))[0]
        body = {"e164": choice["e164"], "country": "GB", "kind": "mobile", "bundle_sid": bundle["sid"]}
        assert (await owner.post("/v1/numbers/purchases", body, headers=key())).status_code == 201

    async def test_a_purchase_without_a_key_is_not_begun(self, owner: Client) -> None:
        """428, and nothing is written."""
        body = {"e164": "+12025550100", "country": "US", "kind": "local"}
        answer = await owner.post("/v1/numbers/purchases", body)
        assert (answer.status_code, answer.json()["type"]) == (428, "urn:ava:problem:idempotency_key_required")
        assert (await owner.get("/v1/numbers/purchases")).json()["items"] == []

    async def test_a_purchase_that_takes_longer_goes_on_by_itself(self, plane: ControlPlane, owner: Client) -> None:
        """202 while the line does not answer; the number is bought and says what it waits for; then it is active."""
        choice = (await offered(owner))[0]
        fault = [{"operation": "create_inbound_trunk", "kind": "status", "status": 503, "times": 5}]
        await plane.control("livekit", "faults", fault)
        body = {"e164": choice["e164"], "country": "US", "kind": "local"}
        answer = await owner.post("/v1/numbers/purchases", body, headers=key())
        assert answer.status_code == 202
        assert (answer.json()["state"], answer.json()["last_error"]["code"]) == ("bought", "line_unavailable")
        listed = (await owner.get("/v1/numbers")).json()["items"]
        assert [(n["state"], n["answers"]) for n in listed] == [("bought", False)]
        await plane.control("livekit", "faults", method="DELETE")
        await later(plane)
        purchase = (await owner.get(answer.headers["location"])).json()
        assert (purchase["state"], purchase["last_error"]) == ("active", None)


async def later(plane: ControlPlane) -> None:
    """The completer comes by, some time after whatever happened."""
    let_time_pass(plane)
    completer: Completer = plane.app.state.provided[Completer]
    await completer.run_once()


class TestImporting:
    """A number of the owner's own at Twilio."""

    async def test_connecting_is_tried_and_shows_no_secret(
        self,
        plane: ControlPlane,
        owner: Client,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """Refused credentials are told; good ones are kept sealed, and only a preview of them is shown."""
        caplog.set_level(logging.DEBUG)
        account_sid, token = await account_at_twilio(plane)
        wrong = {"account_sid": account_sid, "auth_token": "0" * 32}
        refused = await owner.post("/v1/carriers/twilio", wrong)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:ava:problem:carrier_credentials_refused")
        right = {"account_sid": account_sid, "auth_token": token}
        made = await owner.made("/v1/carriers/twilio", right)
        assert made["preview"].endswith(token[-4:])
        again = await owner.made("/v1/carriers/twilio", {**right, "name": "ours"})
        assert (again["carrier_id"], again["name"]) == (made["carrier_id"], "ours")
        said = (
            caplog.text
            + "".join(capfd.readouterr())
            + refused.text
            + str(made)
            + (await owner.get("/v1/carriers")).text
        )
        assert token not in said
        stored = plane.database.select("select sealed_secret from carrier_accounts where account_sid = %s", account_sid)
        assert token not in str(stored)

    async def test_where_calls_go_is_shown_before_it_is_taken_over(self, plane: ControlPlane, owner: Client) -> None:
        """Listed with its routing, refused without a confirmation, taken over with it, put back on release."""
        account_sid = await own_twilio(plane, owner)
        e164, url = foreign_number(), "https://user:secret@calls.example.com/in"
        seed = {"e164": e164, "account_sid": account_sid, "label": "Front desk", "voice_url": url}
        await plane.control("twilio", "numbers", seed)
        listed = (await owner.get("/v1/carriers/twilio/numbers")).json()["numbers"]
        assert [(n["e164"], n["name"], n["status"], n["takes_over"]) for n in listed] == [
            (e164, "Front desk", "importable", True)
        ]
        assert listed[0]["routing"]["words"] == "a webhook at calls.example.com"
        refused = await owner.post("/v1/numbers/imports", {"e164": e164})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:takeover_unconfirmed")
        assert refused.json()["routing"]["target"] == "calls.example.com"
        made = await owner.post("/v1/numbers/imports", {"e164": e164, "confirm_takeover": True})
        assert made.status_code == 201, made.text
        assert made.json()["previous_routing"]["words"] == "a webhook at calls.example.com"
        assert "secret" not in made.text
        number = await number_at_twilio(plane, e164)
        assert number is not None
        assert (number["label"], number["trunk_sid"] is not None) == ("Front desk", True)
        assert [one["status"] for one in (await owner.get("/v1/carriers/twilio/numbers")).json()["numbers"]] == [
            "yours"
        ]

        released = await owner.post(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (released.status_code, released.json()["state"]) == (200, "released")
        number = await number_at_twilio(plane, e164)
        assert number is not None
        assert (number["trunk_sid"], number["voice_url"]) == (None, url)
        assert await on_line(plane, e164) == ([], [])
        assert "secret" not in str(plane.database.select("select * from number_purchases where e164 = %s", e164))

    async def test_an_application_is_put_back(self, plane: ControlPlane, owner: Client) -> None:
        """A trunk puts an application out at Twilio: it is kept here, and set again on release."""
        account_sid, e164 = await own_twilio(plane, owner), foreign_number()
        seed = {"e164": e164, "account_sid": account_sid, "voice_application_sid": f"AP{'1' * 32}"}
        await plane.control("twilio", "numbers", seed)
        await owner.made("/v1/numbers/imports", {"e164": e164, "confirm_takeover": True})
        assert (await number_at_twilio(plane, e164) or {})["voice_application_sid"] == ""
        await owner.made(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (await number_at_twilio(plane, e164) or {})["voice_application_sid"] == f"AP{'1' * 32}"

    async def test_what_its_owner_led_elsewhere_meanwhile_stays_there(self, plane: ControlPlane, owner: Client) -> None:
        """Releasing puts back only what still leads to us."""
        account_sid, e164 = await own_twilio(plane, owner), foreign_number()
        seeded = await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid})
        await owner.made("/v1/numbers/imports", {"e164": e164})
        application = f"AP{'2' * 32}"
        settings = plane.settings
        assert settings.twilio_auth_token is not None
        changed = await plane.platform.http.post(
            f"{plane.urls['twilio']}/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{seeded['sid']}.json",
            data={"VoiceApplicationSid": application},
            auth=(settings.twilio_account_sid or "", settings.twilio_auth_token.get_secret_value()),
        )
        assert changed.status_code == 200
        await owner.made(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (await number_at_twilio(plane, e164) or {})["voice_application_sid"] == application

    async def test_what_can_not_be_imported(self, plane: ControlPlane, owner: Client) -> None:
        """A number that is not in the account, one without voice, and without any account."""
        nobody = await owner.post("/v1/numbers/imports", {"e164": foreign_number()})
        assert (nobody.status_code, nobody.json()["reason"]) == (404, "carrier_not_found")
        account_sid, e164 = await own_twilio(plane, owner), foreign_number()
        absent = await owner.post("/v1/numbers/imports", {"e164": foreign_number()})
        assert absent.json()["type"] == "urn:ava:problem:number_not_in_account"
        await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid, "capabilities": ["sms"]})
        mute = await owner.post("/v1/numbers/imports", {"e164": e164})
        assert mute.json()["type"] == "urn:ava:problem:number_without_voice"
        assert [n["status"] for n in (await owner.get("/v1/carriers/twilio/numbers")).json()["numbers"]] == ["no_voice"]

    async def test_an_account_in_use_is_not_removed(self, plane: ControlPlane, owner: Client) -> None:
        """Its numbers first; then its secret is forgotten."""
        account_sid, e164 = await own_twilio(plane, owner), foreign_number()
        await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid})
        made = await owner.made("/v1/numbers/imports", {"e164": e164})
        path = f"/v1/carriers/{made['carrier_id']}"
        refused = await owner.http.delete(path)
        assert (refused.status_code, refused.json()["reason"]) == (409, "carrier_in_use")
        await owner.made(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (await owner.http.delete(path)).status_code == 204
        kept = plane.database.select("select sealed_secret from carrier_accounts where account_sid = %s", account_sid)
        assert kept == [{"sealed_secret": None}]
        assert (await owner.http.delete(path)).status_code == 404

    async def test_a_token_that_was_changed_at_twilio(self, plane: ControlPlane, owner: Client) -> None:
        """A release waits, says why, and ends when the owner connects again."""
        account_sid, e164 = await own_twilio(plane, owner), foreign_number()
        await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid})
        await owner.made("/v1/numbers/imports", {"e164": e164})
        await plane.control("twilio", "accounts", {"account_sid": account_sid, "status": "suspended"})
        answer = await owner.post(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (answer.status_code, answer.json()["state"]) == (202, "releasing")
        assert answer.json()["last_error"]["code"] == "carrier_credentials_refused"
        await plane.control("twilio", "accounts", {"account_sid": account_sid, "status": "active"})
        await later(plane)
        assert (await owner.get(answer.headers["location"])).json()["state"] == "released"


class TestOwnTrunk:
    """Numbers on a SIP trunk of the owner's own carrier."""

    async def test_calls_are_taken_from_where_the_owner_said(self, plane: ControlPlane, owner: Client) -> None:
        """From the named addresses, with the password, both numbers; from elsewhere not."""
        e164s = [foreign_number(), foreign_number()]
        body = {
            "e164s": e164s,
            "allowed_addresses": ["203.0.113.0/24"],
            "username": "desk",
            "password": "a-long-password-1",
        }
        answer = await owner.post("/v1/numbers/sip-trunks", body)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["sip_uri"] == plane.settings.livekit_sip_uri
        assert [p["state"] for p in made["purchases"]] == ["active", "active"]
        assert "a-long-password-1" not in answer.text
        trunks, rules = await on_line(plane, e164s[0])
        assert len(trunks) == len(rules) == 1
        assert (trunks[0]["allowed_addresses"], trunks[0]["auth_username"]) == (["203.0.113.0/24"], "desk")
        for e164 in e164s:
            await owner.made(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert await on_line(plane, e164s[0]) == ([], [])

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"allowed_addresses": ["0.0.0.0/0"]},
            {"allowed_addresses": ["0.0.0.0/1", "128.0.0.0/1"]},
            {"allowed_addresses": ["::/8"]},
            {"allowed_addresses": ["everywhere"]},
            {"username": "desk"},
            {"username": "desk", "password": "short"},
            {"username": "desk", "password": "with blanks in it"},
        ],
    )
    async def test_a_trunk_that_anybody_could_use_is_refused(self, owner: Client, wrong: dict[str, Any]) -> None:
        """422 before anything is written."""
        answer = await owner.post("/v1/numbers/sip-trunks", {"e164s": [foreign_number()], **wrong})
        assert answer.status_code == 422
        assert "short" not in answer.text
        assert (await owner.get("/v1/carriers")).json() == []

    async def test_a_number_that_the_platform_knows_is_not_brought_by_somebody_else(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """All numbers of a trunk or none, in words that don't say whose it is."""
        taken, free = (await bought(owner))["e164"], foreign_number()
        other = await plane.owner()
        body = {"e164s": [free, taken], "allowed_addresses": ["203.0.113.7"]}
        refused = await other.post("/v1/numbers/sip-trunks", body)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:number_not_available")
        assert (await other.get("/v1/numbers")).json()["items"] == []
        assert (await other.get("/v1/carriers")).json() == []

    async def test_a_number_that_something_else_takes_on_the_line(self, plane: ControlPlane, owner: Client) -> None:
        """Failed, told, and nothing of it left."""
        e164 = foreign_number()
        await plane.control("livekit", "trunks", {"name": "an operator's", "numbers": [e164]})
        body = {"e164s": [e164], "allowed_addresses": ["203.0.113.7"]}
        refused = await owner.post("/v1/numbers/sip-trunks", body)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:number_routed_elsewhere")
        trunks, rules = await on_line(plane, e164)
        assert ([trunk["name"] for trunk in trunks], rules) == (["an operator's"], [])


class TestCosts:
    """A month of numbers."""

    async def test_each_and_all(self, plane: ControlPlane, owner: Client) -> None:
        """What is paid here is summed; what an owner pays their own carrier is not."""
        await bought(owner)
        await bought(owner)
        body = {"e164s": [foreign_number()], "allowed_addresses": ["203.0.113.7"]}
        await owner.made("/v1/numbers/sip-trunks", body)
        costs = (await owner.get("/v1/numbers/costs")).json()
        assert costs["totals"] == [{"amount": "2.30", "currency": "USD"}]
        assert sorted(n["paid_to"] for n in costs["numbers"]) == ["ava", "ava", "own_carrier"]
        assert (costs["alert_threshold"], costs["over_threshold"], costs["unknown"]) == (None, False, 0)

    async def test_over_the_alert_takes_a_confirmation(self, plane: ControlPlane, owner: Client) -> None:
        """The number that would cross it is not bought unasked; confirmed, it is, and the costs say so."""
        await owner.http.patch("/v1/tenant", json={"number_cost_alert": "2.00"}, headers={"if-match": "*"})
        await bought(owner)
        assert (await owner.get("/v1/numbers/costs")).json()["over_threshold"] is False
        choice = (await offered(owner))[0]
        body = {"e164": choice["e164"], "country": "US", "kind": "local"}
        refused = await owner.post("/v1/numbers/purchases", body, headers=key())
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:monthly_cost_over_alert")
        assert "2.3 USD" in refused.json()["detail"]
        body["confirm_cost"] = True
        assert (await owner.post("/v1/numbers/purchases", body, headers=key())).status_code == 201
        costs = (await owner.get("/v1/numbers/costs")).json()
        assert (costs["alert_threshold"], costs["over_threshold"]) == ("2.00", True)


class TestBounds:
    """What nobody gets past."""

    async def test_a_tenants_limit(self, plane: ControlPlane, owner: Client) -> None:
        """Counted over what one has and what one is getting."""
        await bought(owner)
        execute(plane, f"update tenants set number_limit = 1 where tenant_id = '{owner.tenant_id}'")
        choice = (await offered(owner))[0]
        body = {"e164": choice["e164"], "country": "US", "kind": "local"}
        refused = await owner.post("/v1/numbers/purchases", body, headers=key())
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:ava:problem:too_many_numbers")

    async def test_numbers_of_others_do_not_exist(self, plane: ControlPlane, owner: Client) -> None:
        """Not to read, assign, release, nor their purchases and carriers."""
        number = await bought(owner)
        other = await plane.owner()
        path, e164 = f"/v1/numbers/{number['e164']}", number["e164"]
        who = await assistant(other)
        answers = [
            await other.get(path),
            await other.http.put(f"{path}/assistant", json={"assistant_id": who}),
            await other.http.delete(f"{path}/assistant"),
            await other.post(f"{path}/release", {"confirm": e164}),
            await other.get(f"/v1/numbers/purchases/{number['purchase_id']}"),
            await other.http.delete(f"/v1/carriers/{number['carrier_id']}"),
        ]
        assert [a.status_code for a in answers] == [404] * 6
        for listed in ("/v1/numbers", "/v1/numbers/purchases"):
            assert (await other.get(listed)).json()["items"] == []
        assert (await other.get("/v1/carriers")).json() == []
        theirs = {"e164": e164, "carrier_id": number["carrier_id"]}
        assert (await other.post("/v1/numbers/imports", theirs)).status_code == 404
        assert (await owner.get(path)).json()["state"] == "active"

    async def test_a_viewer_reads_and_a_machine_does_what_its_key_says(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """Scopes first, and the database again."""
        number = await bought(owner)
        viewer = await plane.member(owner, "viewer")
        assert (await viewer.get(f"/v1/numbers/{number['e164']}")).status_code == 200
        body = {"confirm": number["e164"]}
        assert (await viewer.post(f"/v1/numbers/{number['e164']}/release", body)).status_code == 403
        machine = await plane.machine(owner, "numbers:read", "numbers:write")
        assert (await machine.post(f"/v1/numbers/{number['e164']}/release", body)).status_code == 200

    async def test_a_release_is_confirmed_with_the_number(self, owner: Client) -> None:
        """A slip of the hand releases nothing."""
        number = await bought(owner)
        wrong = await owner.post(f"/v1/numbers/{number['e164']}/release", {"confirm": "+12025550199"})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/confirm")
        assert (await owner.get(f"/v1/numbers/{number['e164']}")).json()["state"] == "active"

    async def test_no_token_of_an_account_is_ever_shown(self, plane: ControlPlane, owner: Client) -> None:
        """Not the platform's, not the business's: in no answer, in no row as it is stored."""
        number = await bought(owner)
        answers = [
            await owner.get(path)
            for path in ("/v1/carriers", "/v1/numbers", "/v1/numbers/purchases", f"/v1/numbers/{number['e164']}")
        ]
        rows = plane.database.select("select * from carrier_accounts where tenant_id = %s", owner.tenant_id)
        settings = plane.settings
        assert settings.twilio_auth_token is not None
        said = "".join(a.text for a in answers) + str(rows)
        assert settings.twilio_auth_token.get_secret_value() not in said
        assert "sealed_secret" not in "".join(a.text for a in answers)

    @pytest.mark.parametrize(
        "path",
        [
            "carrier_accounts?select=sealed_secret",
            "carrier_accounts?select=sealed_termination",
            "carrier_accounts?select=termination_username",
            "number_purchases?select=sealed_routing",
        ],
    )
    async def test_sealed_columns_are_refused_to_users(self, plane: ControlPlane, owner: Client, path: str) -> None:
        """Asked straight at PostgREST with the owner's own token."""
        headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {owner.token}"}
        answer = await plane.platform.http.get(f"{plane.database.url}/rest/v1/{path}", headers=headers)
        assert answer.status_code == 403

    async def test_a_user_can_not_make_a_number_answer(self, plane: ControlPlane, owner: Client) -> None:
        """The steps are the service's: asked straight at PostgREST they are refused."""
        headers = {"apikey": plane.database.anon_key, "authorization": f"Bearer {owner.token}"}
        for function, body in {
            "number_activated_v1": {"p_purchase_id": str(uuid4()), "p_lease": str(uuid4())},
            "take_number_work_v1": {"p_lease": str(uuid4()), "p_seconds": 60},
        }.items():
            url = f"{plane.database.url}/rest/v1/rpc/{function}"
            answer = await plane.platform.http.post(url, headers=headers, json=body)
            assert answer.status_code == 403, function
