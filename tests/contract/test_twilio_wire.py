"""Twilio: the carrier's adapter against the stand-in, through the real `twilio` client, and the stand-in's own wire.

What goes wrong on the way is in test_twilio_failures.py.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr

from control_api.numbers import carrier_errors as errors
from control_api.numbers.carrier import (
    CarrierAccounts,
    CarrierCredentials,
    NumberKind,
    NumberQuery,
    Routing,
    TrunkDrift,
    TrunkWish,
)
from control_api.numbers.twilio_carrier import TwilioAccounts, open_twilio_accounts
from sandbox.providers import StandIns, serve
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN, create_app
from tests.fakes.twilio import CALM, DENVER, LABEL, MAIN, PARIS, QUICK, SIP_URI, WASHINGTON, Twilio, hosts_at, twilio_at


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_in() -> AsyncIterator[str]:
    async with StandIns(("twilio",)) as urls:
        yield urls["twilio"]


@pytest.fixture
async def twilio(stand_in: str) -> AsyncIterator[Twilio]:
    async with twilio_at(stand_in) as running:
        yield running


# what an owner does


async def test_a_number_is_found_bought_routed_and_given_back(twilio: Twilio) -> None:
    """A number's whole life: its price and needs are shown, it is bought, its calls go to our line, it is released."""
    carrier = twilio.carrier
    standing = await carrier.verify()
    assert (standing.account_sid, standing.subaccount, standing.trial) == (ACCOUNT_SID, False, False)

    found = await carrier.search(NumberQuery("US", area_code="202", capabilities=frozenset({"voice", "sms"}), limit=5))
    assert [offer.e164 for offer in found] == [f"+1202555010{n}" for n in range(5)]
    first = found[0]
    assert (first.locality, first.address_requirement, first.needs_bundle) == ("Washington", "none", False)
    assert (first.monthly_price, first.currency) == (Decimal("1.15"), "USD")

    bought = await carrier.buy(first.e164, label=LABEL)
    assert (bought.e164, bought.label, bought.routing.kind) == (WASHINGTON, LABEL, "none")
    assert "voice" in bought.capabilities

    trunk = await carrier.ensure_trunk(label="ava:tenant", sip_uri=SIP_URI, domain_hint="ava-tenant")
    assert trunk.domain_name == "ava-tenant.pstn.twilio.com"
    attached = await carrier.attach(bought.number_sid, trunk.trunk_sid)
    assert (attached.routing.kind, attached.routing.target) == ("trunk", trunk.trunk_sid)
    assert await carrier.trunk_of(bought.number_sid) == trunk.trunk_sid
    held = (await twilio.state())["trunks"][0]
    assert (held["transfer_mode"], [url["sip_url"] for url in held["origination"]]) == ("enable-all", [SIP_URI])

    await carrier.detach(bought.number_sid)
    await carrier.release(bought.number_sid)
    assert await carrier.find_number(WASHINGTON) is None
    assert WASHINGTON not in [offer.e164 for offer in await carrier.search(NumberQuery("US", area_code="202"))]


async def test_what_a_country_asks_for_is_shown_before_and_met(twilio: Twilio) -> None:
    """France: the search says bundle and address, the regulation names the papers, and with both the number is bought."""
    carrier = twilio.carrier
    offer = (await carrier.search(NumberQuery("fr", area_code="01")))[0]
    assert (offer.e164, offer.address_requirement, offer.needs_bundle) == (PARIS, "local", True)
    (regulation,) = await carrier.requirements("FR", "local")
    assert [(r.kind, r.accepted) for r in regulation.requirements] == [
        ("end_user", ()),
        ("document", ("Commercial Registry Excerpt",)),
        ("document", ("Utility Bill",)),
    ]
    assert "business_name" in regulation.requirements[0].fields

    with pytest.raises(errors.BundleRequired, match="papers"):
        await carrier.buy(PARIS, label=LABEL)
    bundle = (await twilio.do("bundles", country="FR", kind="local"))["sid"]
    with pytest.raises(errors.AddressRequired, match="address"):
        await carrier.buy(PARIS, label=LABEL, bundle_sid=bundle)
    abroad = await twilio.address("IL")
    with pytest.raises(errors.AddressRequired):
        await carrier.buy(PARIS, label=LABEL, bundle_sid=bundle, address_sid=abroad)
    home = await twilio.address("FR")
    bought = await carrier.buy(PARIS, label=LABEL, bundle_sid=bundle, address_sid=home)
    assert (bought.bundle_sid, bought.address_sid, await twilio.sold()) == (bundle, home, [PARIS])


async def test_a_number_of_the_owners_is_taken_over_and_led_back(twilio: Twilio) -> None:
    """Import: where calls go now is told without a URL's secrets, and each kind of routing comes back as it was."""
    carrier = twilio.carrier
    old_trunk = await carrier.ensure_trunk(label="theirs", sip_uri="sip:old.example.com", domain_hint="theirs")
    ours = await carrier.ensure_trunk(label="ava:tenant", sip_uri=SIP_URI, domain_hint="ava-tenant")
    url = "https://user:secret@calls.example.com/voice?token=secret"
    application = "AP" + "7" * 32
    await twilio.do("numbers", e164="+12025550180", label="Front desk", voice_url=url)
    await twilio.do("numbers", e164="+12025550181", voice_application_sid=application)
    await twilio.do("numbers", e164="+12025550182", trunk_sid=old_trunk.trunk_sid)
    await twilio.do("numbers", e164="+12025550183")
    before = {number.e164: number for number in await carrier.list_numbers()}
    shown = [(number.routing.kind, number.routing.target) for number in before.values()]
    assert shown == [
        ("webhook", "calls.example.com"),
        ("application", application),
        ("trunk", old_trunk.trunk_sid),
        ("none", None),
    ]
    assert "secret" not in repr(before)
    assert "+1202555" not in repr(list(before.values()))
    for number in before.values():
        taken = await carrier.attach(number.number_sid, ours.trunk_sid)
        assert taken.trunk_sid == ours.trunk_sid
        back = await carrier.restore_routing(number.number_sid, number.routing)
        assert back.routing == number.routing
        assert await carrier.restore_routing(number.number_sid, number.routing) == back


async def test_each_business_has_an_account_of_its_own(twilio: Twilio) -> None:
    """A subaccount is opened once per label and works with its own token; the main account does not see its numbers."""
    sub = await twilio.carrier.open_subaccount("ava:tenant-1")
    assert await twilio.carrier.open_subaccount("ava:tenant-1") == sub
    assert (await twilio.carrier.open_subaccount("ava:tenant-2")).account_sid != sub.account_sid
    inner = twilio.accounts.carrier_for(sub.credentials)
    assert (await inner.verify()).subaccount
    trunk = await inner.ensure_trunk(label="ava:tenant-1", sip_uri=SIP_URI, domain_hint="ava-tenant-1")
    bought = await inner.buy(DENVER, label=LABEL)
    assert (await inner.attach(bought.number_sid, trunk.trunk_sid)).trunk_sid == trunk.trunk_sid
    assert await twilio.carrier.find_number(DENVER) is None
    assert sub.auth_token.get_secret_value() not in repr(sub)
    bundle = (await twilio.do("bundles", country="GB", kind="mobile"))["sid"]
    with pytest.raises(errors.BundleRequired):  # the main account's bundle is not the subaccount's
        await inner.buy("+447700900010", label=LABEL, bundle_sid=bundle)
    await twilio.do("accounts", account_sid=sub.account_sid, status="suspended")
    with pytest.raises(errors.CarrierRefused, match="suspended"):
        await twilio.carrier.open_subaccount("ava:tenant-1")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (NumberQuery("US", kind="toll_free", limit=1), ["+18005550100"]),
        (NumberQuery("US", contains="5550111", limit=2), ["+12025550111", "+14155550111"]),
        (NumberQuery("US", contains="+1415%11$"), ["+14155550111"]),
        (NumberQuery("US", locality="Denver", limit=1), ["+13035550100"]),
        (NumberQuery("US", locality="Denver", capabilities=frozenset({"sms"})), []),
        (NumberQuery("US", area_code="999"), []),
        (NumberQuery("GB", kind="national", limit=1), ["+443069990010"]),
        (NumberQuery("GB", area_code="020", contains="12$"), ["+442079460012"]),
        (NumberQuery("IL", kind="mobile", limit=1), ["+972550000010"]),
        (NumberQuery("FR", area_code="02", limit=1), ["+33261910010"]),
    ],
)
async def test_search_finds_what_was_asked_for(twilio: Twilio, query: NumberQuery, numbers: list[str]) -> None:
    """Kind, area, pattern, place and capability all narrow the search, area codes also where Twilio does not filter by them."""
    assert [offer.e164 for offer in await twilio.carrier.search(query)] == numbers


@pytest.mark.parametrize(
    ("country", "kind"), [("FR", "toll_free"), ("IL", "toll_free"), ("US", "mobile"), ("ZZ", "local")]
)
async def test_a_kind_that_a_country_does_not_have_is_not_an_empty_search(
    twilio: Twilio, country: str, kind: NumberKind
) -> None:
    """Not offered is told apart from none left."""
    with pytest.raises(errors.NumbersNotOffered, match="another kind"):
        await twilio.carrier.search(NumberQuery(country, kind=kind))
    assert await twilio.carrier.monthly_price(country, kind) is None


async def test_an_unknown_price_is_not_no_price(twilio: Twilio) -> None:
    """A search answers without the extras it could not get in time."""
    await twilio.fault("show_prices", "delay", delay_ms=500)
    await twilio.fault("list_regulations", "status", status=503, times=None)
    offer = (await twilio.hasty.search(NumberQuery("US")))[0]
    assert (offer.e164, offer.monthly_price, offer.needs_bundle) == (WASHINGTON, None, None)


# refusals


async def test_each_refusal_says_what_to_do(twilio: Twilio) -> None:
    """21421, 21422, 21404, 10002, 404 and the limits of the account each become the error the owner can act on."""
    carrier = twilio.carrier
    await twilio.do("take", e164=WASHINGTON)
    with pytest.raises(errors.NumberNotAvailable, match="choose another"):
        await carrier.buy(WASHINGTON, label=LABEL)
    with pytest.raises(errors.CarrierRefused, match="no telephone number") as refused:
        await carrier.buy("+15005550001", label=LABEL)
    assert refused.value.carrier_code == 21421
    for code, expected in {
        21404: errors.NumberLimitReached, 10002: errors.NumberLimitReached, 21452: errors.NumbersNotOffered,
        21613: errors.AddressRequired, 21615: errors.AddressRequired, 21631: errors.AddressRequired,
        21649: errors.BundleRequired, 12345: errors.CarrierRefused,
    }.items():  # fmt: skip
        body = {"code": code, "message": f"about {DENVER}", "more_info": "", "status": 400}
        await twilio.fault("buy", "status", status=400, body=body, times=1)
        with pytest.raises(expected, match=str(code)) as caught:
            await carrier.buy(DENVER, label=LABEL)
        assert type(caught.value) is expected
        assert DENVER not in str(caught.value)
    await twilio.control.post("/_ctl/knobs", json={"number_limit": 1})
    await carrier.buy(DENVER, label=LABEL)
    with pytest.raises(errors.NumberLimitReached):
        await carrier.buy("+13035550101", label="another")
    for missing in ("PN" + "0" * 32, "../../Accounts", ""):
        with pytest.raises(errors.NotFoundAtCarrier):
            await carrier.get_number(missing)
    assert await twilio.sold() == [DENVER]


async def test_bad_credentials_are_the_owners_to_mend(twilio: Twilio) -> None:
    """A wrong token, a suspended account, test credentials, and what can't be credentials at all."""
    wrong = CarrierCredentials(ACCOUNT_SID, SecretStr("0" * 32))
    with pytest.raises(errors.CredentialsRefused, match="copy Account SID") as caught:
        await twilio.accounts.carrier_for(wrong).verify()
    assert "0" * 32 not in f"{caught.value}{wrong!r}"
    with pytest.raises(errors.CredentialsRefused):
        await twilio.accounts.carrier_for(wrong).list_numbers()  # a list: the client alone hides its status
    await twilio.fault("search", "status", status=403, body={"code": 20008, "message": "test", "status": 403})
    with pytest.raises(errors.CredentialsRefused, match="test ones"):
        await twilio.carrier.search(NumberQuery("US"))
    await twilio.do("accounts", status="suspended")
    with pytest.raises(errors.CredentialsRefused, match="suspended"):
        await twilio.carrier.verify()
    for sid, token in (
        ("AC1", "0" * 32),
        ("../" + ACCOUNT_SID, "0" * 32),
        (ACCOUNT_SID, "two words"),
        (ACCOUNT_SID, "clé-clé-clé"),
    ):
        with pytest.raises(errors.CredentialsRefused, match="console"):
            twilio.accounts.carrier_for(CarrierCredentials(sid, SecretStr(token)))


async def test_a_number_under_another_label_is_not_adopted(twilio: Twilio) -> None:
    """The owner's own number is never taken for our purchase, and nothing is bought."""
    await twilio.do("numbers", e164=WASHINGTON, label="Front desk")
    with pytest.raises(errors.NumberOwnedAlready, match="import"):
        await twilio.carrier.buy(WASHINGTON, label=LABEL)
    assert (await twilio.sold(), await twilio.seen("buy")) == ([], 0)


# trunks


async def test_a_trunk_is_put_in_order(twilio: Twilio) -> None:
    """What somebody changed by hand: transfers off, another address beside ours, ours switched off."""
    carrier = twilio.carrier
    trunk = await carrier.ensure_trunk(label="ava:tenant", sip_uri=SIP_URI, domain_hint="ava-tenant")
    auth, path = (ACCOUNT_SID, AUTH_TOKEN), f"/v1/Trunks/{trunk.trunk_sid}"
    await twilio.control.post(path, data={"TransferMode": "disable-all"}, auth=auth)
    other = {
        "Weight": "10",
        "Priority": "1",
        "Enabled": "true",
        "FriendlyName": "x",
        "SipUrl": "sip:elsewhere.example.com",
    }
    await twilio.control.post(f"{path}/OriginationUrls", data=other, auth=auth)
    listed = (await twilio.control.get(f"{path}/OriginationUrls", auth=auth)).json()["origination_urls"]
    await twilio.control.post(f"{path}/OriginationUrls/{listed[0]['sid']}", data={"Enabled": "false"}, auth=auth)
    assert await carrier.ensure_trunk(label="ava:tenant", sip_uri=SIP_URI, domain_hint="ava-tenant") == trunk
    (held,) = (await twilio.state())["trunks"]
    assert (held["transfer_mode"], held["secure"]) == ("enable-all", False)
    assert [(url["sip_url"], url["enabled"]) for url in held["origination"]] == [(SIP_URI, True)]
    moved = await carrier.ensure_trunk(label="ava:tenant", sip_uri="sip:new.example.com;transport=tls", domain_hint="x")
    (held,) = (await twilio.state())["trunks"]
    assert (moved.trunk_sid, held["secure"]) == (trunk.trunk_sid, True)
    assert [url["sip_url"] for url in held["origination"]] == ["sip:new.example.com;transport=tls"]


RECOVERY = "https://ava.example.com/v1/carriers/twilio/6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77/fallback"
STANDBY = "sip:standby.example.com;transport=tcp"
WISH = TrunkWish(label="ava:tenant", sip_uri=SIP_URI, domain_hint="ava-tenant")
WHOLE_WISH: TrunkWish = {**WISH, "standby_uri": STANDBY, "recovery_url": RECOVERY}


async def led(twilio: Twilio) -> tuple[list[tuple[str, int]], str | None]:
    """Where the only trunk leads, in order, and where it asks."""
    (held,) = (await twilio.state())["trunks"]
    ways = sorted(held["origination"], key=lambda url: url["priority"])
    return [(url["sip_url"], url["priority"]) for url in ways if url["enabled"]], held["disaster_recovery_url"]


async def test_a_trunk_has_a_second_way_and_somebody_to_ask(twilio: Twilio) -> None:
    """Made in one request with where Twilio asks; what is right is not written again; both go when they are not wanted."""
    carrier = twilio.carrier
    assert await carrier.check_trunk(**WHOLE_WISH) == (TrunkDrift.GONE,)
    trunk = await carrier.ensure_trunk(**WHOLE_WISH)
    assert await led(twilio) == ([(SIP_URI, 1), (STANDBY, 2)], RECOVERY)
    assert await carrier.check_trunk(**WHOLE_WISH) == ()
    assert await carrier.ensure_trunk(**WHOLE_WISH) == trunk
    writes = ("open_trunk", "update_trunk", "create_origination", "update_origination", "delete_origination")
    assert [await twilio.seen(write) for write in writes] == [1, 0, 2, 0, 0]
    moved: TrunkWish = {**WHOLE_WISH, "recovery_url": RECOVERY.replace("ava.example", "new.example")}
    assert await carrier.check_trunk(**moved) == (TrunkDrift.OTHER_RECOVERY,)
    await carrier.ensure_trunk(**moved)
    assert (await led(twilio))[1] == moved.get("recovery_url")
    assert set(await carrier.check_trunk(**WISH)) == {TrunkDrift.OTHER_RECOVERY, TrunkDrift.OTHER_DESTINATIONS}
    await carrier.ensure_trunk(**WISH)
    assert await led(twilio) == ([(SIP_URI, 1)], None)


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        ({"DisasterRecoveryUrl": "https://elsewhere.example.com/twiml"}, TrunkDrift.OTHER_RECOVERY),
        ({"DisasterRecoveryUrl": ""}, TrunkDrift.OTHER_RECOVERY),
        ({"DisasterRecoveryMethod": "GET"}, TrunkDrift.OTHER_RECOVERY),
        ({"TransferMode": "disable-all"}, TrunkDrift.NO_TRANSFERS),
        ({"Secure": "true"}, TrunkDrift.OTHER_SECURITY),
    ],
)
async def test_what_was_changed_on_a_trunk_is_seen_and_put_right(
    twilio: Twilio, change: dict[str, str], drift: TrunkDrift
) -> None:
    """By whoever has the account's password."""
    carrier = twilio.carrier
    trunk = await carrier.ensure_trunk(**WHOLE_WISH)
    (before,) = (await twilio.state())["trunks"]
    await twilio.control.post(f"/v1/Trunks/{trunk.trunk_sid}", data=change, auth=(ACCOUNT_SID, AUTH_TOKEN))
    assert await carrier.check_trunk(**WHOLE_WISH) == (drift,)
    await carrier.ensure_trunk(**WHOLE_WISH)
    assert (await twilio.state())["trunks"] == [before]


async def test_whom_an_owner_has_twilio_ask_is_left_alone(twilio: Twilio) -> None:
    """Where this deployment can't be asked itself, an address that somebody put there by hand stays."""
    carrier, own = twilio.carrier, "https://handler.twilio.com/twiml/EH00000000000000000000000000000000"
    trunk = await carrier.ensure_trunk(**WISH)
    auth = (ACCOUNT_SID, AUTH_TOKEN)
    await twilio.control.post(f"/v1/Trunks/{trunk.trunk_sid}", data={"DisasterRecoveryUrl": own}, auth=auth)
    assert await carrier.check_trunk(**WISH) == ()
    await twilio.control.post(f"/v1/Trunks/{trunk.trunk_sid}", data={"TransferMode": "disable-all"}, auth=auth)
    await carrier.ensure_trunk(**WISH)
    assert (await led(twilio))[1] == own


async def test_the_order_of_the_ways_is_put_right(twilio: Twilio) -> None:
    """Swapped, switched off, sharing calls, with a third: rung in our order again."""
    carrier = twilio.carrier
    trunk = await carrier.ensure_trunk(**WHOLE_WISH)
    auth, path = (ACCOUNT_SID, AUTH_TOKEN), f"/v1/Trunks/{trunk.trunk_sid}/OriginationUrls"
    for first, second in ({"Priority": "2"}, {"Priority": "1"}), ({"Enabled": "false"}, {"Weight": "10"}):
        listed = (await twilio.control.get(path, auth=auth)).json()["origination_urls"]
        for row, change in zip(sorted(listed, key=lambda row: row["priority"]), (first, second), strict=True):
            await twilio.control.post(f"{path}/{row['sid']}", data=change, auth=auth)
        assert await carrier.check_trunk(**WHOLE_WISH) == (TrunkDrift.OTHER_DESTINATIONS,)
        await carrier.ensure_trunk(**WHOLE_WISH)
        assert await led(twilio) == ([(SIP_URI, 1), (STANDBY, 2)], RECOVERY)


async def test_two_who_make_one_trunk_at_once_make_one(twilio: Twilio) -> None:
    """The domain's name is taken for the second, who finds the first's."""
    both = await asyncio.gather(
        *(twilio.carrier.ensure_trunk(label="ava:t", sip_uri=SIP_URI, domain_hint="ava-t") for _ in range(2))
    )
    assert both[0] == both[1]
    await twilio.carrier.ensure_trunk(label="ava:t", sip_uri=SIP_URI, domain_hint="ava-t")
    (held,) = (await twilio.state())["trunks"]
    assert len(held["origination"]) == 1
    with pytest.raises(errors.CarrierRefused, match="taken") as caught:
        await twilio.carrier.ensure_trunk(label="other", sip_uri=SIP_URI, domain_hint="ava-t")
    assert caught.value.carrier_code == 21248


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"domain_hint": "Ava Tenant"}, "lower-case"),
        ({"sip_uri": "https://x"}, "SIP address"),
        ({"label": "x" * 65}, "64"),
    ],
)
async def test_a_mistake_of_ours_is_a_value_error_before_anything_is_sent(
    twilio: Twilio, wrong: dict[str, str], words: str
) -> None:
    """Labels, names and addresses are checked here."""
    good = {"label": "ava:t", "sip_uri": SIP_URI, "domain_hint": "ava-t"}
    with pytest.raises(ValueError, match=words):
        await twilio.carrier.ensure_trunk(**(good | wrong))
    assert await twilio.seen("list_trunks") == 0


# what is nobody's business


async def test_nothing_personal_reaches_a_log(
    twilio: Twilio, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """At debug level, through purchase, failure and repeats: no number, no token, no address."""
    caplog.set_level(logging.DEBUG)
    await twilio.fault("buy", "status", status=429, times=1)
    await twilio.fault("list_numbers", "cut", times=1)
    await twilio.carrier.buy(WASHINGTON, label=LABEL)
    said = caplog.text + "".join(capsys.readouterr())
    assert "retry" in said
    assert AUTH_TOKEN not in said
    assert "2025550100" not in said
    assert LABEL not in said


async def test_the_environment_is_not_read(twilio: Twilio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region or an account in the process's environment changes nothing."""
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_EDGE", "TWILIO_REGION"):
        monkeypatch.setenv(name, "sydney")
    assert (await twilio.carrier.verify()).account_sid == ACCOUNT_SID


async def test_one_session_serves_many_accounts() -> None:
    """The session is the composer's: shared, and still open when a carrier is done."""
    async with (
        serve(create_app({"account_sid": "AC" + "b" * 32, "auth_token": "its-own-token"})) as url,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        accounts: CarrierAccounts = TwilioAccounts(session, hosts=hosts_at(url), deadlines=CALM, patience=QUICK)
        main = accounts.carrier_for(CarrierCredentials("AC" + "b" * 32, SecretStr("its-own-token")))
        sub = await main.open_subaccount("ava:tenant")
        standings = await asyncio.gather(main.verify(), accounts.carrier_for(sub.credentials).verify())
        assert [standing.subaccount for standing in standings] == [False, True]
        assert not session.closed


# the stand-in's own wire: what the client hides


async def test_the_wire_is_twilios(twilio: Twilio) -> None:
    """Dates, errors, links and codes as Twilio writes them."""
    auth, root = (ACCOUNT_SID, AUTH_TOKEN), f"/2010-04-01/Accounts/{ACCOUNT_SID}"
    refused = await twilio.control.get(f"{root}.json")
    assert refused.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }
    assert refused.status_code == 401
    form = {"PhoneNumber": WASHINGTON, "FriendlyName": "x"}
    bought = await twilio.control.post(f"{root}/IncomingPhoneNumbers.json", data=form, auth=auth)
    assert bought.status_code == 201
    assert bought.json()["date_created"].endswith("+0000")
    assert bought.json()["capabilities"] == {"voice": True, "sms": True, "mms": True, "fax": False}
    ignored = await twilio.control.post(f"{root}/IncomingPhoneNumbers.json", json=form, auth=auth)
    assert (ignored.status_code, ignored.json()["code"]) == (400, 20001)
    number = f"{root}/IncomingPhoneNumbers/{bought.json()['sid']}.json"
    assert [(await twilio.control.delete(number, auth=auth)).status_code for _ in range(2)] == [204, 404]
    area = await twilio.control.post(f"{root}/IncomingPhoneNumbers.json", data={"AreaCode": "533"}, auth=auth)
    assert area.json()["code"] == 21452
    nowhere = await twilio.control.get("/2010-04-01/Nothing.json", auth=auth)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, 20404)
    country = (await twilio.control.get(f"{root}/AvailablePhoneNumbers/FR.json", auth=auth)).json()
    assert sorted(country["subresource_uris"]) == ["local", "mobile"]
    trunk = (await twilio.control.post("/v1/Trunks", data={"FriendlyName": "t"}, auth=auth)).json()
    assert trunk["date_created"].endswith("Z")
    incomplete = await twilio.control.post(
        f"/v1/Trunks/{trunk['sid']}/OriginationUrls", data={"Weight": "1"}, auth=auth
    )
    assert (incomplete.status_code, incomplete.json()["code"]) == (400, 20001)
    prices = (await twilio.control.get("/v1/PhoneNumbers/Countries/US", auth=auth)).json()
    assert [row["number_type"] for row in prices["phone_number_prices"]] == ["local", "toll free"]


async def test_pages_are_followed_by_their_links(twilio: Twilio) -> None:
    """2010: paths; v1: whole addresses; a later page without its token is refused; a page ends in null."""
    auth, root = (ACCOUNT_SID, AUTH_TOKEN), f"/2010-04-01/Accounts/{ACCOUNT_SID}"
    for n in range(3):
        await twilio.do("numbers", e164=f"+1202555015{n}")
        await twilio.control.post("/v1/Trunks", data={"FriendlyName": f"t{n}"}, auth=auth)
    query = {"PageSize": "2", "PhoneNumber": "+1202"}
    first = (await twilio.control.get(f"{root}/IncomingPhoneNumbers.json", params=query, auth=auth)).json()
    assert "PhoneNumber=%2B1202" in first["next_page_uri"]
    last = (await twilio.control.get(first["next_page_uri"], auth=auth)).json()
    assert (len(first["incoming_phone_numbers"]), len(last["incoming_phone_numbers"])) == (2, 1)
    assert (last["page"], last["next_page_uri"]) == (1, None)
    made_up = {"PageSize": "2", "Page": "1"}
    assert (await twilio.control.get(f"{root}/IncomingPhoneNumbers.json", params=made_up, auth=auth)).status_code == 400
    trunks = (await twilio.control.get("/v1/Trunks", params={"PageSize": "2"}, auth=auth)).json()
    assert trunks["meta"]["next_page_url"].startswith(f"{twilio.url}/v1/Trunks?")
    rest = (await twilio.control.get(trunks["meta"]["next_page_url"], auth=auth)).json()
    assert ([t["friendly_name"] for t in rest["trunks"]], rest["meta"]["next_page_url"]) == (["t2"], None)


async def test_a_parent_acts_on_its_subaccount_in_the_2010_api_only(twilio: Twilio) -> None:
    """And a number moves to it, if the papers are there; its trunks need its own token; closing it gives its numbers back."""
    auth, main = (ACCOUNT_SID, AUTH_TOKEN), f"/2010-04-01/Accounts/{ACCOUNT_SID}"
    sub = (await twilio.control.post("/2010-04-01/Accounts.json", data={"FriendlyName": "s"}, auth=auth)).json()
    inner, own = f"/2010-04-01/Accounts/{sub['sid']}", (sub["sid"], sub["auth_token"])
    await twilio.do("numbers", e164=PARIS)
    await twilio.do("numbers", e164=WASHINGTON)
    numbers = (await twilio.control.get(f"{main}/IncomingPhoneNumbers.json", auth=auth)).json()[
        "incoming_phone_numbers"
    ]
    move = {"AccountSid": sub["sid"]}
    answers = [
        await twilio.control.post(f"{main}/IncomingPhoneNumbers/{number['sid']}.json", data=move, auth=auth)
        for number in numbers
    ]
    assert [(a.status_code, a.json().get("code")) for a in answers] == [(400, 21649), (200, None)]
    assert answers[1].json()["account_sid"] == sub["sid"]
    assert (await twilio.control.get(f"{inner}/IncomingPhoneNumbers.json", auth=auth)).status_code == 200
    assert (await twilio.control.get(f"{main}.json", auth=own)).status_code == 401
    await twilio.control.post("/v1/Trunks", data={"FriendlyName": "t"}, auth=own)
    assert (await twilio.control.get("/v1/Trunks", auth=auth)).json()["trunks"] == []
    closed = await twilio.control.post(f"{inner}.json", data={"Status": "closed"}, auth=auth)
    assert (closed.json()["status"], (await twilio.state())["released"]) == ("closed", [WASHINGTON])
    assert (await twilio.control.get(f"{inner}.json", auth=own)).status_code == 403


async def test_a_trial_account_has_one_number() -> None:
    """Code 10002, as the owner of a new Twilio account meets it."""
    async with serve(create_app({"trial": "1"})) as url:
        async with open_twilio_accounts(hosts=hosts_at(url), deadlines=CALM, patience=QUICK) as accounts:
            carrier = accounts.carrier_for(MAIN)
            assert (await carrier.verify()).trial
            await carrier.buy(WASHINGTON, label=LABEL)
            with pytest.raises(errors.NumberLimitReached, match="upgrade"):
                await carrier.buy(DENVER, label="another")


async def test_bundles_are_shown_by_their_state(twilio: Twilio) -> None:
    """One that is still under review does not count for a purchase."""
    waiting = (await twilio.do("bundles", country="GB", kind="mobile", status="in-review"))["sid"]
    with pytest.raises(errors.BundleRequired):
        await twilio.carrier.buy("+447700900010", label=LABEL, bundle_sid=waiting)
    auth, path = (ACCOUNT_SID, AUTH_TOKEN), "/v2/RegulatoryCompliance/Bundles"
    assert (await twilio.control.get(f"{path}/{waiting}", auth=auth)).json()["status"] == "in-review"
    approved = await twilio.control.get(path, params={"Status": "twilio-approved"}, auth=auth)
    assert approved.json()["results"] == []


def test_routing_says_where_calls_go_by_what_comes_first() -> None:
    """A trunk before an application before a URL; a URL that is none has no host."""
    everything = Routing(trunk_sid="TK1", application_sid="AP1", voice_url="https://a.example.com/x")
    assert (everything.kind, everything.target) == ("trunk", "TK1")
    assert Routing(application_sid="AP1", voice_url="https://a.example.com").target == "AP1"
    assert Routing(voice_url="http://[broken").target is None
    assert (Routing().kind, Routing().target) == ("none", None)
