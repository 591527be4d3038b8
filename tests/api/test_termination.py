"""Twilio's numbers ring out: what a purchase and an import set up for it, what is found amiss and mended, and what becomes of
the sign-in."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from livekit import api

from control_api.app import reconcile_numbers
from control_api.numbers.reconcile import Report
from sandbox.livekit import KEY, SECRET
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.telephone_numbers import at_twilio, bought, execute, gets_out, own_twilio, ways_out

IMPORTED = "+12125550150"
_BEFORE = (
    "update carrier_accounts set termination_username = null, sealed_termination = null, termination_set_at = null"
)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def empty_world(plane: ControlPlane) -> None:
    """Nothing of other tests, here or outside."""
    for stand_in in ("twilio", "livekit"):
        await plane.control(stand_in, "reset")
    execute(plane, *(f"delete from {table}" for table in ("phone_numbers", "number_purchases", "carrier_accounts")))


async def reconciled(plane: ControlPlane, *, repair: bool = False) -> Report:
    return await reconcile_numbers(plane.app.state.provided, repair=repair)


async def imported(plane: ControlPlane, owner: Client) -> str:
    account_sid = await own_twilio(plane, owner)
    await plane.control("twilio", "numbers", {"e164": IMPORTED, "account_sid": account_sid})
    await owner.made("/v1/numbers/imports", {"e164": IMPORTED})
    return account_sid


async def told_twilio(plane: ControlPlane, path: str, method: str = "DELETE", **form: str) -> None:
    """Somebody with the main account's password at work by hand."""
    token = plane.settings.twilio_auth_token
    assert token is not None
    auth = (plane.settings.twilio_account_sid or "", token.get_secret_value())
    answer = await plane.platform.http.request(method, f"{plane.urls['twilio']}{path}", data=form, auth=auth)
    assert answer.status_code < 300, answer.text


async def only_list(plane: ControlPlane) -> str:
    [held] = (await at_twilio(plane))["credential_lists"]
    return f"/2010-04-01/Accounts/{held['account_sid']}/SIP/CredentialLists/{held['sid']}"


async def test_bought_numbers_ring_out_by_one_sign_in_of_their_account(plane: ControlPlane, owner: Client) -> None:
    """Each has a way out of its own at LiveKit, to the account's trunk; calls in are taken from anywhere, as before."""
    first, second = await bought(owner), await bought(owner)
    one, other = await ways_out(plane)
    assert {*one["numbers"], *other["numbers"]} == {first["e164"], second["e164"]}
    alike = ("address", "auth_username", "auth_password", "transport", "media_encryption")
    assert [one[name] for name in alike if name in one] == [other[name] for name in alike if name in other]
    [trunk] = (await at_twilio(plane))["trunks"]
    assert one["address"] == trunk["domain_name"]
    assert await gets_out(plane, one)
    inbound = (await plane.control("livekit", "state", method="GET"))["trunks"]
    assert [held.get("auth_username", "") for held in inbound] == ["", ""]
    assert [held["usernames"] for held in (await at_twilio(plane))["credential_lists"]] == [[one["auth_username"]]]


async def test_an_imported_number_rings_out_through_its_owners_account(plane: ControlPlane, owner: Client) -> None:
    """The list is made in that account, beside what the owner has there."""
    account_sid = await imported(plane, owner)
    [out] = await ways_out(plane)
    assert out["numbers"] == [IMPORTED]
    assert await gets_out(plane, out)
    [held] = (await at_twilio(plane))["credential_lists"]
    assert held["account_sid"] == account_sid


async def test_accounts_do_not_share_a_sign_in(plane: ControlPlane, owner: Client) -> None:
    """What opens one trunk opens no other."""
    await bought(owner)
    await imported(plane, owner)
    one, other = await ways_out(plane)
    assert one["auth_username"] != other["auth_username"]
    assert not await gets_out(plane, {**one, "address": other["address"]})


async def test_the_sign_in_is_shown_to_nobody(plane: ControlPlane, owner: Client) -> None:
    """Not the name either; sealed in the database, in no answer."""
    number = await bought(owner)
    await imported(plane, owner)
    outs = await ways_out(plane)
    paths = ("/v1/carriers", "/v1/numbers", "/v1/numbers/purchases", f"/v1/numbers/{number['e164']}")
    shown = "".join([(await owner.get(path)).text for path in paths])
    kept = str(plane.database.select("select * from carrier_accounts"))
    report = repr(await reconciled(plane, repair=True))
    for out in outs:
        assert out["auth_password"] not in shown + kept + report
        assert out["auth_username"] not in shown + report
    row = plane.database.select("select carrier_row_v1(carrier_id) as shown from carrier_accounts")[0]["shown"]
    assert [name for name in row if "termination" in name] == []


async def from_before(plane: ControlPlane) -> None:
    """As a number is that was routed by an earlier release: no sign-in, no list, no way out."""
    execute(plane, _BEFORE)
    await told_twilio(plane, f"{await only_list(plane)}.json")
    await without_way_out(plane)


async def without_way_out(plane: ControlPlane) -> None:
    async with api.LiveKitAPI(plane.urls["livekit"], KEY, SECRET) as livekit:
        for out in await ways_out(plane):
            await livekit.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=out["sip_trunk_id"]))


async def without_list(plane: ControlPlane) -> None:
    await told_twilio(plane, f"{await only_list(plane)}.json")


async def with_another_password(plane: ControlPlane) -> None:
    path = await only_list(plane)
    await asyncio.sleep(1.1)  # Twilio tells the time in seconds
    [row] = [
        row
        for row in (await _twilio(plane, f"{path}/Credentials.json"))["credentials"]
        if row["username"].startswith("ava-")
    ]
    await told_twilio(plane, f"{path}/Credentials/{row['sid']}.json", "POST", Password="Somebody-elses-1")


async def with_lost_keys(plane: ControlPlane) -> None:
    """The sealing key that it was kept with is gone."""
    execute(plane, "update carrier_accounts set sealed_termination = 'v1:x'")


async def _twilio(plane: ControlPlane, path: str) -> Any:
    token = plane.settings.twilio_auth_token
    assert token is not None
    auth = (plane.settings.twilio_account_sid or "", token.get_secret_value())
    return (await plane.platform.http.get(f"{plane.urls['twilio']}{path}", auth=auth)).json()


@pytest.mark.parametrize(
    ("change", "kinds", "words"),
    [
        (from_before, ["route_wrong", "trunk_wrong"], "can't sign in"),
        (without_way_out, ["route_wrong"], "out to their carrier"),
        (without_list, ["trunk_wrong"], "can't sign in"),
        (with_another_password, ["trunk_wrong"], "another password"),
        (with_lost_keys, ["route_wrong", "trunk_wrong"], "can't sign in"),
    ],
)
async def test_what_keeps_calls_in_is_found_and_mended(
    plane: ControlPlane, owner: Client, change: Any, kinds: list[str], words: str
) -> None:
    """One repair leaves nothing to repair, and calls get out again; without --repair nothing is changed."""
    await bought(owner)
    await change(plane)
    before = (await at_twilio(plane), await ways_out(plane))
    found = await reconciled(plane)
    assert sorted(one.kind.value for one in found.drifts) == kinds
    assert words in " ".join(one.words for one in found.drifts)
    assert (await at_twilio(plane), await ways_out(plane)) == before
    repaired = await reconciled(plane, repair=True)
    assert all(one.repaired for one in repaired.drifts)
    left = await reconciled(plane)
    assert (left.drifts, left.unreachable) == ((), ())
    [out] = await ways_out(plane)
    assert await gets_out(plane, out)


async def test_a_carrier_that_lets_nobody_call_out_still_sends_callers(plane: ControlPlane, owner: Client) -> None:
    """The number answers; that it does not ring out is told until it can be put right, with the reason."""
    refusal = {"operation": "create_list", "kind": "status", "status": 400, "times": None}
    await plane.control("twilio", "faults", [refusal])
    made = await bought(owner)
    assert (await owner.get(f"/v1/numbers/{made['e164']}")).json()["answers"] is True
    assert await ways_out(plane) == []
    refused = await reconciled(plane, repair=True)
    assert sorted((one.kind.value, one.repaired) for one in refused.drifts) == [
        ("route_wrong", False),
        ("trunk_wrong", False),
    ]
    assert all("not put right" in one.words for one in refused.drifts)
    await plane.control("twilio", "faults", method="DELETE")
    assert all(one.repaired for one in (await reconciled(plane, repair=True)).drifts)
    left = await reconciled(plane)
    assert (left.drifts, left.unreachable) == ((), ())
    [out] = await ways_out(plane)
    assert await gets_out(plane, out)


async def test_many_repairs_at_once_make_one_sign_in(plane: ControlPlane, owner: Client) -> None:
    """Two operators, or an operator and a purchase: what was kept first counts for all."""
    await bought(owner)
    await from_before(plane)
    await asyncio.gather(*(reconciled(plane, repair=True) for _ in range(2)))
    await reconciled(plane, repair=True)
    left = await reconciled(plane)
    assert (left.drifts, left.unreachable) == ((), ())
    [held] = (await at_twilio(plane))["credential_lists"]
    assert len(held["usernames"]) == 1
    [out] = await ways_out(plane)
    assert await gets_out(plane, out)


async def test_the_last_number_leaves_its_accounts_trunk_and_sign_in_alone(plane: ControlPlane, owner: Client) -> None:
    """As the trunk, the list stays for the next number; LiveKit keeps no password. A removed account leaves none here."""
    await imported(plane, owner)
    [carrier] = [row for row in (await owner.get("/v1/carriers")).json() if row["kind"] == "own_twilio"]
    await owner.made(f"/v1/numbers/{IMPORTED}/release", {"confirm": IMPORTED})
    assert await ways_out(plane) == []
    held = await at_twilio(plane)
    assert (len(held["trunks"]), len(held["credential_lists"])) == (1, 1)
    await owner.made("/v1/numbers/imports", {"e164": IMPORTED})
    [out] = await ways_out(plane)
    assert await gets_out(plane, out)
    await owner.made(f"/v1/numbers/{IMPORTED}/release", {"confirm": IMPORTED})
    answer = await owner.http.delete(f"/v1/carriers/{carrier['carrier_id']}")
    assert answer.status_code == 204, answer.text
    [row] = plane.database.select(
        "select sealed_secret, termination_username, sealed_termination, termination_set_at from carrier_accounts"
        " where carrier_id = %s",
        carrier["carrier_id"],
    )
    assert set(row.values()) == {None}
    assert len((await at_twilio(plane))["credential_lists"]) == 1
