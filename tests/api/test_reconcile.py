"""Numbers here, at the carrier and on the line: what differs is found, both ways, and what is safe to is put right."""

from typing import Any

import pytest
import pytest_asyncio
from livekit import api

from control_api.app import reconcile_numbers
from control_api.numbers.reconcile import Report
from sandbox.livekit import KEY, SECRET
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.dying import Died, Fate, process
from tests.fakes.telephone_numbers import (
    at_twilio,
    bought,
    execute,
    key,
    number_at_twilio,
    on_line,
    own_twilio,
    ways_out,
)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def empty_world(plane: ControlPlane) -> None:
    """Nothing of other tests, here or outside: the command line's report is about all tenants."""
    for stand_in in ("twilio", "livekit"):
        await plane.control(stand_in, "reset")
    execute(plane, *(f"delete from {table}" for table in ("phone_numbers", "number_purchases", "carrier_accounts")))


async def reconciled(plane: ControlPlane, *, repair: bool = False) -> Report:
    return await reconcile_numbers(plane.app.state.provided, repair=repair)


def kinds(report: Report) -> list[str]:
    return sorted(one.kind.value for one in report.drifts)


async def settled(plane: ControlPlane) -> None:
    """One repair leaves nothing to repair."""
    report = await reconciled(plane)
    assert (report.drifts, report.unreachable) == ((), ())


async def account_of(owner: Client) -> str:
    return str((await owner.get("/v1/carriers")).json()[0]["account_sid"])


async def told_twilio(plane: ControlPlane, account_sid: str, path: str, method: str = "POST", **form: str) -> Any:
    """Somebody with the main account's password at work in the console."""
    token = plane.settings.twilio_auth_token
    assert token is not None
    answer = await plane.platform.http.request(
        method,
        f"{plane.urls['twilio']}/2010-04-01/Accounts/{account_sid}/{path}.json",
        data=form,
        auth=(plane.settings.twilio_account_sid or "", token.get_secret_value()),
    )
    assert answer.status_code < 300, answer.text
    return answer


async def test_what_is_in_order(plane: ControlPlane, owner: Client) -> None:
    """A bought, an imported and an own-trunk number: three numbers and two accounts compared, nothing found."""
    await bought(owner)
    account_sid = await own_twilio(plane, owner)
    await plane.control("twilio", "numbers", {"e164": "+12125550150", "account_sid": account_sid})
    await owner.made("/v1/numbers/imports", {"e164": "+12125550150"})
    trunk = {"e164s": ["+12125550151"], "username": "desk", "password": "a-long-password-1"}
    await owner.made("/v1/numbers/sip-trunks", {**trunk, "allowed_addresses": ["203.0.113.7", "203.0.113.64/26"]})
    report = await reconciled(plane)
    assert (report.drifts, report.unreachable, report.clean) == ((), (), True)
    assert report.compared == 5


class TestHereAndNotThere:
    """Ours, and not as it should be."""

    async def test_taken_off_the_trunk(self, plane: ControlPlane, owner: Client) -> None:
        """Led to it again."""
        made = await bought(owner)
        number = await number_at_twilio(plane, made["e164"])
        assert number is not None
        path = f"IncomingPhoneNumbers/{number['sid']}"
        await told_twilio(plane, number["account_sid"], path, VoiceApplicationSid=f"AP{'3' * 32}")
        report = await reconciled(plane)
        assert [(one.kind.value, one.repairable) for one in report.drifts] == [("not_attached", True)]
        repaired = await reconciled(plane, repair=True)
        assert [one.repaired for one in repaired.drifts] == [True]
        assert (await number_at_twilio(plane, made["e164"]) or {})["trunk_sid"] == number["trunk_sid"]
        await settled(plane)

    async def test_an_imported_number_that_its_owner_led_elsewhere(self, plane: ControlPlane, owner: Client) -> None:
        """Reported, and left to its owner."""
        account_sid = await own_twilio(plane, owner)
        seeded = await plane.control("twilio", "numbers", {"e164": "+12125550150", "account_sid": account_sid})
        await owner.made("/v1/numbers/imports", {"e164": "+12125550150"})
        application = f"AP{'3' * 32}"
        await told_twilio(plane, account_sid, f"IncomingPhoneNumbers/{seeded['sid']}", VoiceApplicationSid=application)
        report = await reconciled(plane, repair=True)
        assert [(one.kind.value, one.repaired) for one in report.drifts] == [("led_elsewhere", False)]
        assert (await number_at_twilio(plane, "+12125550150") or {})["voice_application_sid"] == application

    async def test_gone_at_the_carrier(self, plane: ControlPlane, owner: Client) -> None:
        """Reported: nobody can bring it back. Its owner releases it here."""
        made = await bought(owner)
        number = await number_at_twilio(plane, made["e164"])
        assert number is not None
        await told_twilio(plane, number["account_sid"], f"IncomingPhoneNumbers/{number['sid']}", "DELETE")
        report = await reconciled(plane, repair=True)
        assert [(one.kind.value, one.repaired) for one in report.drifts] == [("number_gone", False)]
        released = await owner.made(f"/v1/numbers/{made['e164']}/release", {"confirm": made["e164"]})
        assert released["state"] == "released"
        await settled(plane)

    @pytest.mark.parametrize("what", ["trunks", "rules"])
    async def test_missing_on_the_line(self, plane: ControlPlane, owner: Client, what: str) -> None:
        """Made again, and only what was missing."""
        made = await bought(owner)
        trunks, rules = await on_line(plane, made["e164"])
        gone = trunks[0]["sip_trunk_id"] if what == "trunks" else rules[0]["sip_dispatch_rule_id"]
        await plane.control("livekit", f"{what}/{gone}", method="DELETE")
        assert kinds(await reconciled(plane)) == ["route_wrong"]
        assert [one.repaired for one in (await reconciled(plane, repair=True)).drifts] == [True]
        trunks, rules = await on_line(plane, made["e164"])
        assert (len(trunks), len(rules)) == (1, 1)
        await settled(plane)

    async def test_changed_on_the_line(self, plane: ControlPlane, owner: Client) -> None:
        """Another agent, further numbers: put back, under the same ids."""
        made = await bought(owner)
        trunks, rules = await on_line(plane, made["e164"])
        rules[0]["room_config"]["agents"][0]["agent_name"] = "another"
        trunks[0]["numbers"] = [made["e164"], "+12125550199"]
        await plane.control("livekit", "rules", rules[0])
        await plane.control("livekit", "trunks", trunks[0])
        found = await reconciled(plane)
        assert kinds(found) == ["route_wrong"]
        assert "another agent" in found.drifts[0].words
        await reconciled(plane, repair=True)
        after_trunks, after_rules = await on_line(plane, made["e164"])
        assert after_trunks[0]["sip_trunk_id"] == trunks[0]["sip_trunk_id"]
        assert after_rules[0]["sip_dispatch_rule_id"] == rules[0]["sip_dispatch_rule_id"]
        await settled(plane)

    async def test_open_to_strangers(self, plane: ControlPlane, owner: Client) -> None:
        """An own trunk whose addresses somebody widened takes calls from where its owner said again."""
        trunk = {"e164s": ["+12125550151"], "allowed_addresses": ["203.0.113.7"]}
        await owner.made("/v1/numbers/sip-trunks", trunk)
        (found, *_), _ = await on_line(plane, "+12125550151")
        await plane.control("livekit", "trunks", {**found, "allowed_addresses": []})
        assert kinds(await reconciled(plane, repair=True)) == ["route_wrong"]
        (found, *_), _ = await on_line(plane, "+12125550151")
        assert found["allowed_addresses"] == ["203.0.113.7"]
        await settled(plane)

    async def test_no_way_out(self, plane: ControlPlane, owner: Client) -> None:
        """The trunk by which its calls leave is gone: nobody could be rung from it, nor be fetched for its callers."""
        trunk = {"e164s": ["+12125550151"], "allowed_addresses": ["203.0.113.7"]}
        await owner.made("/v1/numbers/sip-trunks", {**trunk, "outgoing_address": "sip.example.com:5060"})
        [way_out] = await ways_out(plane)
        async with api.LiveKitAPI(plane.urls["livekit"], KEY, SECRET) as livekit:
            await livekit.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=way_out["sip_trunk_id"]))
        found = await reconciled(plane)
        assert kinds(found) == ["route_wrong"]
        assert "out to their carrier" in found.drifts[0].words
        await reconciled(plane, repair=True)
        assert [one["address"] for one in await ways_out(plane)] == [way_out["address"]]
        await settled(plane)

    async def test_answering_nobody(self, plane: ControlPlane, owner: Client) -> None:
        """Active without the row by which calls find it: the row is made again."""
        made = await bought(owner)
        execute(plane, "delete from phone_numbers")
        assert kinds(await reconciled(plane, repair=True)) == ["not_answering"]
        assert (await owner.get(f"/v1/numbers/{made['e164']}")).json()["answers"] is True
        await settled(plane)

    async def test_another_price(self, plane: ControlPlane, owner: Client) -> None:
        """What the carrier charges today is what the costs say."""
        await bought(owner)
        execute(plane, "update number_purchases set monthly_price = 9.99")
        found = await reconciled(plane, repair=True)
        assert kinds(found) == ["price_changed"]
        assert "1.15 USD" in found.drifts[0].words
        assert (await owner.get("/v1/numbers/costs")).json()["totals"][0]["amount"] == "1.15"
        await settled(plane)


class TestThereAndNotHere:
    """Nobody's here, on an invoice or on the line."""

    async def test_a_number_whose_purchase_is_over(self, plane: ControlPlane, owner: Client) -> None:
        """It appeared after it was given up: given back."""
        made = await bought(owner)
        execute(plane, "delete from phone_numbers", "update number_purchases set state = 'failed', number_sid = null")
        report = await reconciled(plane)
        assert kinds(report) == ["orphan_number", "orphan_route"]
        assert all(one.repairable for one in report.drifts)
        repaired = await reconciled(plane, repair=True)
        assert all(one.repaired for one in repaired.drifts)
        assert await number_at_twilio(plane, made["e164"]) is None
        assert await on_line(plane, made["e164"]) == ([], [])
        await settled(plane)

    async def test_what_nobody_here_knows(self, plane: ControlPlane, owner: Client) -> None:
        """A number bought by hand in the business's account, a route of another deployment: reported, and never touched."""
        await bought(owner)
        account_sid = await account_of(owner)
        await plane.control("twilio", "numbers", {"e164": "+12125550177", "account_sid": account_sid})
        unknown = "ava:6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77"
        await plane.control("livekit", "trunks", {"name": unknown, "numbers": ["+12125550178"]})
        report = await reconciled(plane, repair=True)
        assert kinds(report) == ["orphan_number", "orphan_route"]
        assert not any(one.repairable or one.repaired for one in report.drifts)
        assert not report.clean
        assert await number_at_twilio(plane, "+12125550177") is not None
        assert len((await on_line(plane, "+12125550178"))[0]) == 1

    async def test_numbers_of_an_owners_own_account_are_their_business(
        self, plane: ControlPlane, owner: Client
    ) -> None:
        """Nothing is said about what was never brought here."""
        account_sid = await own_twilio(plane, owner)
        await plane.control("twilio", "numbers", {"e164": "+12125550150", "account_sid": account_sid})
        before = await number_at_twilio(plane, "+12125550150")
        report = await reconciled(plane, repair=True)
        assert (report.drifts, report.unreachable) == ((), ())
        assert await number_at_twilio(plane, "+12125550150") == before is not None

    async def test_a_purchase_under_way_is_no_orphan(self, plane: ControlPlane, owner: Client) -> None:
        """Bought, and its worker died before saying so: whoever finishes it finds it by its label."""
        async with process(plane, Fate(dies_after=14)):
            with pytest.raises(Died):
                await owner.post(
                    "/v1/numbers/purchases", {"e164": "+12025550100", "country": "US", "kind": "local"}, headers=key()
                )
        assert [sale["e164"] for sale in (await at_twilio(plane))["sales"]] == ["+12025550100"]
        await settled(plane)


class TestWhatCanNotBeSeen:
    """Away is not gone."""

    async def test_carrier_and_line_away(self, plane: ControlPlane, owner: Client) -> None:
        """Nothing is said about what could not be asked, and nothing is put right on a guess."""
        made = await bought(owner)
        every = {"kind": "status", "status": 503, "times": None}
        await plane.control("twilio", "faults", [{"operation": "list_numbers", **every}])
        await plane.control("livekit", "faults", [{"operation": "list_inbound_trunk", **every}])
        async with process(plane, Fate()) as numbers:
            report = await numbers.reconciler.reconcile(repair=True)
        assert report.drifts == ()
        assert len(report.unreachable) == 2
        assert not report.clean
        assert await number_at_twilio(plane, made["e164"]) is not None

    async def test_what_waits_is_told(self, plane: ControlPlane, owner: Client) -> None:
        """A purchase that can't go on shows with its reason."""
        await plane.control("livekit", "trunks", {"name": "an operator's", "numbers": ["+12025550100"]})
        body = {"e164": "+12025550100", "country": "US", "kind": "local"}
        await owner.post("/v1/numbers/purchases", body, headers=key())
        report = await reconciled(plane, repair=True)
        assert [(one.kind.value, one.repaired) for one in report.drifts] == [("unfinished", False)]
        assert "an operator's" in report.drifts[0].words


async def test_an_owner_sees_their_own_and_changes_nothing(plane: ControlPlane, owner: Client) -> None:
    """Over HTTP: a report about one tenant, as a dry run."""
    made = await bought(owner)
    trunks, _ = await on_line(plane, made["e164"])
    await plane.control("livekit", f"trunks/{trunks[0]['sip_trunk_id']}", method="DELETE")
    other = await plane.owner()
    assert (await other.made("/v1/numbers/reconcile"))["drifts"] == []
    report = await owner.made("/v1/numbers/reconcile")
    assert [(one["kind"], one["e164"], one["repairable"]) for one in report["drifts"]] == [
        ("route_wrong", made["e164"], True)
    ]
    assert (await on_line(plane, made["e164"]))[0] == []
