"""Calls out of Twilio's numbers: the sign-in at a trunk, made and mended through the real `twilio` client; and the stand-in's
own wire and rules."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from control_api.numbers import carrier_errors as errors
from control_api.numbers.carrier import Carrier, SignIn, TrunkDrift, TrunkWish
from sandbox.providers import StandIns
from sandbox.sip_wire import Challenge, answer_challenge
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN
from sandbox.twilio_termination import REALM
from tests.fakes.twilio import SIP_URI, Twilio, twilio_at

TRUNK, DOMAIN = "ava:tenant", "ava-tenant.pstn.twilio.com"
NAME, PASSWORD = "ava-0123456789abcdef01234567", "Forty-characters-are-not-needed-by-them-1"
AUTH = (ACCOUNT_SID, AUTH_TOKEN)
LISTS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/SIP/CredentialLists"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WRITES = ("open_trunk", "create_list", "create_credential", "update_credential", "attach_list")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand_in() -> AsyncIterator[str]:
    async with StandIns(("twilio",)) as urls:
        yield urls["twilio"]


@pytest.fixture
async def twilio(stand_in: str) -> AsyncIterator[Twilio]:
    async with twilio_at(stand_in) as running:
        yield running


def wish(set_at: datetime | None = None, *, username: str = NAME, password: str = PASSWORD) -> TrunkWish:
    sign_in = SignIn(username, SecretStr(password), set_at)
    return TrunkWish(label=TRUNK, sip_uri=SIP_URI, domain_hint="ava-tenant", sign_in=sign_in)


async def gets_in(twilio: Twilio, password: str = PASSWORD, *, username: str = NAME) -> bool:
    said = await twilio.do("termination", domain=DOMAIN, username=username, password=password)
    return bool(said["status"] == 200)


async def posts(twilio: Twilio, path: str, **form: str) -> httpx.Response:
    """Somebody with the account's password, by hand."""
    return await twilio.control.post(path, data=form, auth=AUTH)


async def only_list(twilio: Twilio) -> str:
    [held] = (await twilio.state())["credential_lists"]
    return f"{LISTS}/{held['sid']}"


async def only_credential(twilio: Twilio) -> str:
    path = await only_list(twilio)
    [row] = (await twilio.control.get(f"{path}/Credentials.json", auth=AUTH)).json()["credentials"]
    return f"{path}/Credentials/{row['sid']}.json"


# what the adapter does


async def test_calls_out_get_in_by_our_sign_in_and_by_no_other(twilio: Twilio) -> None:
    """A list under the trunk's own label with one name, attached; done once, and not again while nobody changed it."""
    carrier = twilio.carrier
    assert await carrier.check_trunk(**wish()) == (TrunkDrift.GONE,)
    trunk = await carrier.ensure_trunk(**wish())
    assert (trunk.domain_name, twilio.accounts.domain_of("ava-tenant")) == (DOMAIN, DOMAIN)
    assert await gets_in(twilio)
    assert not await gets_in(twilio, PASSWORD + "x")
    state = await twilio.state()
    assert [(held["friendly_name"], held["usernames"]) for held in state["credential_lists"]] == [(TRUNK, [NAME])]
    assert [held["credential_lists"] for held in state["trunks"]] == [[state["credential_lists"][0]["sid"]]]
    again = wish(trunk.sign_in_set_at)
    assert await carrier.check_trunk(**again) == ()
    assert await carrier.ensure_trunk(**again) == trunk
    assert [await twilio.seen(write) for write in WRITES] == [1, 1, 1, 0, 1]


async def test_what_is_not_known_to_be_set_is_set_again(twilio: Twilio) -> None:
    """Whoever died after telling Twilio and before noting it: the same password is set once more, which changes nothing."""
    first = await twilio.carrier.ensure_trunk(**wish())
    assert await twilio.carrier.check_trunk(**wish()) == (TrunkDrift.OTHER_PASSWORD,)
    again = await twilio.carrier.ensure_trunk(**wish())
    assert again.sign_in_set_at is not None
    assert first.sign_in_set_at is not None
    assert again.sign_in_set_at >= first.sign_in_set_at
    assert await gets_in(twilio)
    assert [await twilio.seen(write) for write in WRITES] == [1, 1, 1, 1, 1]


async def test_a_trunk_without_a_wish_for_calls_out_is_asked_nothing_about_them(twilio: Twilio) -> None:
    """No list is read or made, and its domain is nobody's business."""
    await twilio.carrier.ensure_trunk(label=TRUNK, sip_uri=SIP_URI, domain_hint="ava-tenant")
    trunk = await twilio.carrier.ensure_trunk(label=TRUNK, sip_uri=SIP_URI, domain_hint="another")
    assert (trunk.domain_name, trunk.sign_in_set_at) == (DOMAIN, None)
    assert (await twilio.state())["credential_lists"] == []
    assert await twilio.seen("list_lists") == 0


async def detached(twilio: Twilio) -> None:
    [trunk] = (await twilio.state())["trunks"]
    path = f"/v1/Trunks/{trunk['sid']}/CredentialLists/{trunk['credential_lists'][0]}"
    assert (await twilio.control.delete(path, auth=AUTH)).status_code == 204


async def list_deleted(twilio: Twilio) -> None:
    assert (await twilio.control.delete(f"{await only_list(twilio)}.json", auth=AUTH)).status_code == 204


async def credential_deleted(twilio: Twilio) -> None:
    assert (await twilio.control.delete(await only_credential(twilio), auth=AUTH)).status_code == 204


async def password_changed(twilio: Twilio) -> None:
    await asyncio.sleep(1.1)  # Twilio tells the time in seconds
    assert (await posts(twilio, await only_credential(twilio), Password="Somebody-elses-1")).status_code == 200


async def domain_changed(twilio: Twilio) -> None:
    [trunk] = (await twilio.state())["trunks"]
    path = f"/v1/Trunks/{trunk['sid']}"
    assert (await posts(twilio, path, DomainName="renamed.pstn.twilio.com")).status_code == 200


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        (detached, TrunkDrift.NO_SIGN_IN),
        (list_deleted, TrunkDrift.NO_SIGN_IN),
        (credential_deleted, TrunkDrift.NO_SIGN_IN),
        (password_changed, TrunkDrift.OTHER_PASSWORD),
        (domain_changed, TrunkDrift.OTHER_DOMAIN),
    ],
)
async def test_what_was_changed_by_hand_is_seen_and_put_right(twilio: Twilio, change: Any, drift: TrunkDrift) -> None:
    """By whoever has the account's password; afterwards calls get in again, and nothing is there twice."""
    trunk = await twilio.carrier.ensure_trunk(**wish())
    await change(twilio)
    assert not await gets_in(twilio)
    assert await twilio.carrier.check_trunk(**wish(trunk.sign_in_set_at)) == (drift,)
    mended = await twilio.carrier.ensure_trunk(**wish(trunk.sign_in_set_at))
    assert await gets_in(twilio)
    assert await twilio.carrier.check_trunk(**wish(mended.sign_in_set_at)) == ()
    state = await twilio.state()
    assert [held["usernames"] for held in state["credential_lists"]] == [[NAME]]
    assert [len(held["credential_lists"]) for held in state["trunks"]] == [1]


async def test_what_an_owner_let_in_by_hand_still_gets_in(twilio: Twilio) -> None:
    """Another list on the trunk, another name in ours, a list of the account's own: none is touched."""
    trunk = await twilio.carrier.ensure_trunk(**wish())
    made = (await posts(twilio, f"{LISTS}.json", FriendlyName="Desk")).json()
    await posts(twilio, f"{LISTS}/{made['sid']}/Credentials.json", Username="desk", Password="The-front-desk-1")
    await posts(twilio, f"/v1/Trunks/{trunk.trunk_sid}/CredentialLists", CredentialListSid=made["sid"])
    ours = next(row for row in (await twilio.state())["credential_lists"] if row["friendly_name"] == TRUNK)
    await posts(twilio, f"{LISTS}/{ours['sid']}/Credentials.json", Username="hand", Password="Made-by-hand-12")
    assert await twilio.carrier.check_trunk(**wish(trunk.sign_in_set_at)) == ()
    await twilio.carrier.ensure_trunk(**wish(trunk.sign_in_set_at))
    assert await gets_in(twilio, "The-front-desk-1", username="desk")
    assert await gets_in(twilio, "Made-by-hand-12", username="hand")


async def test_two_trunks_of_one_label_the_one_of_our_domain_counts(twilio: Twilio) -> None:
    """Somebody made another by hand: where calls are sent is the one that has the name."""
    by_hand = {"FriendlyName": TRUNK, "DomainName": "by-hand.pstn.twilio.com"}
    assert (await posts(twilio, "/v1/Trunks", **by_hand)).status_code == 201
    made = await posts(twilio, "/v1/Trunks", FriendlyName=TRUNK, DomainName=DOMAIN)
    trunk = await twilio.carrier.ensure_trunk(**wish())
    assert trunk.trunk_sid == made.json()["sid"]
    assert await gets_in(twilio)


@pytest.mark.parametrize("operation", ["create_list", "create_credential", "update_credential", "attach_list"])
@pytest.mark.parametrize("trouble", ["lost_answer", "cut", "status"])
async def test_a_step_whose_answer_is_lost_is_done_once(twilio: Twilio, operation: str, trouble: str) -> None:
    """Done and not told: found. Not done and not told: unconfirmed, and the same call again does it."""
    if operation == "update_credential":
        await twilio.carrier.ensure_trunk(**wish())
        await asyncio.sleep(1.1)  # a change is seen by its second
    more = {"status": 500} if trouble == "status" else {}
    await twilio.fault(operation, trouble, times=1, **more)
    if trouble == "lost_answer":
        await twilio.carrier.ensure_trunk(**wish())
    else:
        with pytest.raises(errors.CarrierUnconfirmed, match="not known"):
            await twilio.hasty.ensure_trunk(**wish())
        await twilio.carrier.ensure_trunk(**wish())
    [rule] = (await twilio.control.get("/_ctl/faults")).json()["rules"]
    assert rule["applied"] == 1
    assert await gets_in(twilio)
    state = await twilio.state()
    assert [held["usernames"] for held in state["credential_lists"]] == [[NAME]]
    assert [len(held["credential_lists"]) for held in state["trunks"]] == [1]


@pytest.mark.parametrize("operation", ["list_lists", "list_credentials", "list_trunk_lists", "create_credential"])
async def test_too_many_requests_are_waited_out(twilio: Twilio, operation: str) -> None:
    """A 429 was not carried out: it is sent again, a write as well."""
    await twilio.fault(operation, "status", status=429, times=2)
    await twilio.carrier.ensure_trunk(**wish())
    assert await gets_in(twilio)


@pytest.mark.parametrize("operation", ["list_lists", "list_credentials", "list_trunk_lists"])
async def test_what_can_not_be_looked_at_is_not_written(twilio: Twilio, operation: str) -> None:
    """Too slow to say whether it is there: nothing is made on a guess, and it is said within the deadline."""
    await twilio.fault(operation, "delay", delay_ms=5_000, times=None)
    carrier: Carrier = twilio.hasty
    with pytest.raises(errors.CarrierUnavailable):
        async with asyncio.timeout(4):
            await carrier.ensure_trunk(**wish())
    after = {"list_lists": "create_list", "list_credentials": "create_credential", "list_trunk_lists": "attach_list"}
    assert await twilio.seen(after[operation]) == 0


async def test_two_at_once_make_one_of_each(twilio: Twilio) -> None:
    """Whoever comes second is refused, finds the first's, and goes on with that."""
    for operation in ("list_lists", "list_credentials", "list_trunk_lists"):
        await twilio.fault(operation, "delay", delay_ms=150, times=2)  # so that both look before either has made it
    await asyncio.gather(*(twilio.carrier.ensure_trunk(**wish()) for _ in range(2)))
    state = await twilio.state()
    assert [held["usernames"] for held in state["credential_lists"]] == [[NAME]]
    assert [len(held["credential_lists"]) for held in state["trunks"]] == [1]
    assert await gets_in(twilio)


async def test_a_password_that_twilio_does_not_take_is_said_and_not_repeated(twilio: Twilio) -> None:
    """With Twilio's code, and without the password."""
    with pytest.raises(errors.CarrierRefused) as refused:
        await twilio.carrier.ensure_trunk(**wish(password="weak"))
    assert refused.value.carrier_code == 21240
    assert "weak" not in f"{refused.value!r} {refused.value}"
    assert await twilio.seen("create_credential") == 1


def test_a_sign_in_is_in_no_repr() -> None:
    """Not the name either: it is half of it."""
    assert NAME not in repr(wish())
    assert PASSWORD not in repr(wish())


# the stand-in's own wire and rules


async def test_the_stand_in_answers_in_twilios_shapes(twilio: Twilio) -> None:
    """Lists and credentials in the 2010 API, a trunk's in v1, and a password in none of them."""
    made = await posts(twilio, f"{LISTS}.json", FriendlyName="Desk")
    path = f"{LISTS}/{made.json()['sid']}"
    assert (made.status_code, made.json()["uri"]) == (201, f"{path}.json")
    credential = await posts(twilio, f"{path}/Credentials.json", Username="desk", Password="The-front-desk-1")
    assert credential.status_code == 201
    assert credential.json()["credential_list_sid"] == made.json()["sid"]
    assert "The-front-desk-1" not in credential.text
    listed = (await twilio.control.get(f"{path}/Credentials.json", auth=AUTH)).json()
    assert ([row["username"] for row in listed["credentials"]], listed["next_page_uri"]) == (["desk"], None)
    trunk = (await posts(twilio, "/v1/Trunks", FriendlyName="x", DomainName=DOMAIN)).json()
    attach = f"/v1/Trunks/{trunk['sid']}/CredentialLists"
    attached = await posts(twilio, attach, CredentialListSid=made.json()["sid"])
    assert (attached.status_code, attached.json()["trunk_sid"]) == (201, trunk["sid"])
    assert (await posts(twilio, attach, CredentialListSid=made.json()["sid"])).status_code == 400
    shown = (await twilio.control.get(attach, auth=AUTH)).json()
    assert [row["friendly_name"] for row in shown["credential_lists"]] == ["Desk"]
    assert shown["meta"]["key"] == "credential_lists"
    now = (await twilio.control.get(f"/v1/Trunks/{trunk['sid']}", auth=AUTH)).json()
    assert (now["auth_type"], now["auth_type_set"]) == ("CREDENTIAL_LIST", ["CREDENTIAL_LIST"])


@pytest.mark.parametrize(
    "form",
    [
        {"Username": "a", "Password": "Eleven-ch-1"},
        {"Username": "a", "Password": "no-upper-case-1"},
        {"Username": "a", "Password": "NO-LOWER-CASE-1"},
        {"Username": "a", "Password": "No-digit-at-all"},
        {"Username": "a" * 33, "Password": "Long-enough-12"},
        {"Username": "", "Password": "Long-enough-12"},
        {"Username": "there", "Password": "Long-enough-12"},
    ],
)
async def test_the_stand_in_keeps_twilios_rules_for_a_credential(twilio: Twilio, form: dict[str, str]) -> None:
    """Length, case, digit; a name of at most 32 characters, once in its list."""
    path = f"{LISTS}/{(await posts(twilio, f'{LISTS}.json', FriendlyName='Desk')).json()['sid']}/Credentials.json"
    await posts(twilio, path, Username="there", Password="Long-enough-12")
    refused = await posts(twilio, path, **form)
    assert (refused.status_code, refused.json()["code"]) == (400, 21240)


async def test_the_stand_in_refuses_a_second_list_of_one_name_and_what_is_not_there(twilio: Twilio) -> None:
    """21240, 20404; another account's lists are not there either."""
    await posts(twilio, f"{LISTS}.json", FriendlyName="Desk")
    assert (await posts(twilio, f"{LISTS}.json", FriendlyName="Desk")).json()["code"] == 21240
    nowhere = f"{LISTS}/CL{'0' * 32}"
    for path in (f"{nowhere}.json", f"{nowhere}/Credentials.json"):
        assert (await twilio.control.get(path, auth=AUTH)).json()["code"] == 20404
    sub = await twilio.carrier.open_subaccount("ava:other")
    theirs = (sub.account_sid, sub.auth_token.get_secret_value())
    ours = (await twilio.state())["credential_lists"][0]["sid"]
    path = f"/2010-04-01/Accounts/{sub.account_sid}/SIP/CredentialLists/{ours}.json"
    assert (await twilio.control.get(path, auth=theirs)).json()["code"] == 20404


async def test_the_stand_in_says_who_gets_a_call_out_and_why_not(twilio: Twilio) -> None:
    """By digest, as the edge asks: the domain, the sign-in, whose number is shown, which countries may be called."""
    challenge = Challenge(REALM, qop="auth")
    asked = {"realm": challenge.realm, "nonce": challenge.nonce, "qop": challenge.qop}

    async def said(password: str = PASSWORD, *, of: str = "+12025550190", to: str = "+33142000000") -> Any:
        given = answer_challenge(
            challenge.header, method="INVITE", uri=f"sip:{to}@{DOMAIN}", username=NAME, password=password
        )
        wanted = {"domain": DOMAIN, "from": of, "to": to, "authorization": given, "challenge": asked}
        answer = await twilio.do("termination", **wanted)
        return answer["status"], answer["why"]

    assert await said() == (0, "domain")
    await twilio.carrier.ensure_trunk(label=TRUNK, sip_uri=SIP_URI, domain_hint="ava-tenant")
    assert await said() == (403, "nobody gets in")
    await twilio.carrier.ensure_trunk(**wish())
    first = await twilio.do("termination", domain=DOMAIN, to="+33142000000", **{"from": "+12025550190"})
    assert first["status"] == 407
    assert await said("Another-password-1") == (403, "sign-in")
    assert await said() == (403, "caller id")
    await twilio.do("numbers", e164="+12025550190")
    assert await said() == (200, "")
    await twilio.do("barred", prefixes=["+33"])
    assert await said() == (403, "geographic permissions")
