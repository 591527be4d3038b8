"""A call that nobody here takes, from the owner's choice to what the caller hears: through the API, Twilio's stand-in as the
carrier, and the request that it signs. Nobody answers at the SIP address: nothing listens there."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import HttpUrl

from contracts.assistant import TransferPolicy
from control_api.app import reconcile_numbers
from demo.api import listening
from sandbox.postgres import free_port
from sandbox.servers import free_udp_port
from sandbox.twilio_ring import signature
from tests.fakes.control_plane import Client, ControlPlane, reconfigured
from tests.fakes.dying import Fate, process
from tests.fakes.telephone_numbers import assistant, at_twilio, bought, execute, number_at_twilio, own_twilio

CALLER, OWNERS = "+12125550123", "+33612345678"
_CALLERS = iter(range(10_000))


def somebody() -> str:
    """A caller who has not called before."""
    return f"+1718555{next(_CALLERS):04d}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reached(plane: ControlPlane) -> AsyncIterator[ControlPlane]:
    """A deployment that Twilio reaches, and whose line is down."""
    port, nobody = free_port(), free_udp_port()
    changes = {
        "ava_public_url": HttpUrl(f"http://127.0.0.1:{port}"),
        "livekit_sip_uri": f"sip:127.0.0.1:{nobody};transport=udp",
    }
    async with reconfigured(plane, **changes) as deployed, listening(deployed.app, port=port):
        yield deployed


@pytest_asyncio.fixture(loop_scope="session")
async def there(reached: ControlPlane) -> Client:
    """Owner of a new, empty tenant of that deployment."""
    return await reached.owner()


async def chooses(owner: Client, e164: str, choice: dict[str, Any] | None, tag: str = "*") -> dict[str, Any]:
    answer = await owner.http.patch(f"/v1/numbers/{e164}", json={"fallback": choice}, headers={"if-match": tag})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rings(plane: ControlPlane, e164: str, **call: str) -> dict[str, Any]:
    """Somebody dials it -> what became of the call."""
    found: dict[str, Any] = await plane.control("twilio", "calls", {"from": somebody(), "to": e164, **call})
    return found


async def published(owner: Client, **changes: Any) -> str:
    made = await owner.made("/v1/assistants", {"preset": {"industry": "health", "language": "fr"}, "changes": changes})
    await owner.made(f"/v1/assistants/{made['assistant_id']}/publish")
    return str(made["assistant_id"])


async def trunk_of(plane: ControlPlane, e164: str) -> dict[str, Any]:
    number = await number_at_twilio(plane, e164)
    assert number is not None
    return next(trunk for trunk in (await at_twilio(plane))["trunks"] if trunk["sid"] == number["trunk_sid"])


class TestWhatTheCallerHears:
    async def test_nothing_was_chosen(self, reached: ControlPlane, there: Client) -> None:
        """Twilio was told where to ask when the number was bought; the caller hears an apology in the number's language."""
        made = await bought(there)
        trunk = await trunk_of(reached, made["e164"])
        url = f"{reached.settings.public_url}/v1/carriers/twilio/{made['carrier_id']}/fallback"
        assert (trunk["disaster_recovery_url"], trunk["disaster_recovery_method"]) == (url, "POST")
        shown = (await there.get(f"/v1/numbers/{made['e164']}")).json()
        assert (shown["fallback"], shown["fallback_standing"]) == (None, "ready")
        call = await rings(reached, made["e164"])
        assert [tried["status"] for tried in call["tried"]] == [0]
        assert (call["asked"], call["ended"], call["dialed"]) == ([200], "hangup", [])
        [heard] = call["heard"]
        assert heard["language"] == "en-GB"
        assert heard["text"].startswith("Hello. We can't take your call")

    @pytest.mark.parametrize(
        ("dials", "heard"), [("completed", 0), ("no-answer", 1), ("busy", 1), ("failed", 1), ("canceled", 1)]
    )
    async def test_a_number_to_forward_to(self, reached: ControlPlane, there: Client, dials: str, heard: int) -> None:
        """It rings with the caller's number shown; who is not answered there hears the apology, who was hears nothing more."""
        made = await bought(there)
        chosen = await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        assert chosen["fallback"] == {"kind": "forward", "number": OWNERS}
        caller = somebody()
        call = await rings(reached, made["e164"], dials=dials, **{"from": caller})
        assert call["dialed"] == [{"number": OWNERS, "caller_id": caller, "timeout": "20"}]
        assert (call["asked"], len(call["heard"]), call["ended"]) == ([200, 200], heard, "hangup")

    async def test_a_withheld_number(self, reached: ControlPlane, there: Client) -> None:
        """Is shown as the one that was dialled: Twilio makes no call from nobody."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        call = await rings(reached, made["e164"], **{"from": "+266696687"})
        assert [one["caller_id"] for one in call["dialed"]] == [made["e164"]]

    async def test_a_message(self, reached: ControlPlane, there: Client) -> None:
        """In the language of the assistant that answers the number, word for word."""
        made = await bought(there, assistant_id=await published(there))
        text = "Le cabinet vous rappelle avant 18 h & après <midi>."
        await chooses(there, made["e164"], {"kind": "message", "text": text})
        call = await rings(reached, made["e164"])
        assert (call["heard"], call["ended"]) == ([{"text": text, "language": "fr-FR"}], "hangup")

    async def test_none(self, reached: ControlPlane, there: Client) -> None:
        """The line is busy."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "none"})
        call = await rings(reached, made["e164"])
        assert (call["ended"], call["heard"], call["dialed"]) == ("busy", [], [])

    async def test_the_assistants_transfer_number_is_the_default(self, reached: ControlPlane, there: Client) -> None:
        """As published, not as drafted; and no more when the assistant does not transfer."""
        transfer = TransferPolicy(mode="cold", number=OWNERS).model_dump(mode="json")
        who = await published(there, transfer=transfer)
        made = await bought(there, assistant_id=who)
        assert [one["number"] for one in (await rings(reached, made["e164"]))["dialed"]] == [OWNERS]
        less = {"transfer": {"mode": "off"}, "tools": ["hours", "message", "end_call"]}
        off = await there.http.patch(f"/v1/assistants/{who}", json=less, headers={"if-match": "*"})
        assert off.status_code == 200, off.text
        assert [one["number"] for one in (await rings(reached, made["e164"]))["dialed"]] == [OWNERS]
        await there.made(f"/v1/assistants/{who}/publish")
        call = await rings(reached, made["e164"])
        assert (call["dialed"], [heard["language"] for heard in call["heard"]]) == ([], ["fr-FR"])

    async def test_a_second_way_is_rung_before_anybody_is_asked(
        self, plane: ControlPlane, reached: ControlPlane
    ) -> None:
        """Both of the line's addresses are down: each was tried, in their order."""
        second = f"sip:127.0.0.1:{free_udp_port()};transport=udp"
        settings = {name: getattr(reached.settings, name) for name in ("ava_public_url", "livekit_sip_uri")}
        async with reconfigured(plane, **settings, livekit_sip_uri_standby=second) as deployed:
            made = await bought(await deployed.owner())
        call = await rings(reached, made["e164"])
        first = reached.settings.livekit_sip_uri
        assert [(tried["sip_url"], tried["status"]) for tried in call["tried"]] == [(first, 0), (second, 0)]
        assert len(call["heard"]) == 1


class TestNoCircle:
    async def test_the_owner_forwards_to_us_what_he_does_not_pick_up(
        self, reached: ControlPlane, there: Client
    ) -> None:
        """Twilio says so, or it is noticed: the same caller comes back while the owner's telephone rings for him."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        assert (await rings(reached, made["e164"], forwarded_from=OWNERS))["dialed"] == []
        assert (await rings(reached, made["e164"], **{"from": OWNERS}))["dialed"] == []
        [account] = [a for a in (await there.get("/v1/carriers")).json() if a["carrier_id"] == made["carrier_id"]]
        token = await token_at_twilio(reached, account["account_sid"])
        form = {"From": somebody(), "To": made["e164"], "CallSid": "CA1"}
        first, again = [await asks(reached, made["carrier_id"], form, token) for _ in range(2)]
        assert ("<Dial" in first.text, "<Dial" in again.text, "<Say" in again.text) == (True, False, True)
        ended = await asks(reached, made["carrier_id"], {**form, "DialCallStatus": "no-answer"}, token)
        assert "<Say" in ended.text
        later = await asks(reached, made["carrier_id"], form, token)
        assert "<Dial" in later.text, "he rings again"

    async def test_a_number_that_became_ours(self, reached: ControlPlane, there: Client) -> None:
        """Chosen when it was somebody's telephone, it leads here now: the caller hears the apology."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "forward", "number": "+12125550188"})
        trunk = {"e164s": ["+12125550188"], "allowed_addresses": ["203.0.113.7"]}
        await (await reached.owner()).made("/v1/numbers/sip-trunks", trunk)
        call = await rings(reached, made["e164"])
        assert (call["dialed"], len(call["heard"])) == ([], 1)

    async def test_a_number_can_not_be_forwarded_to_itself(self, reached: ControlPlane, there: Client) -> None:
        """Refused in words that say what to do."""
        made = await bought(there)
        body = {"fallback": {"kind": "forward", "number": made["e164"]}}
        answer = await there.http.patch(f"/v1/numbers/{made['e164']}", json=body, headers={"if-match": "*"})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:ava:problem:fallback_leads_here")
        assert "give one that rings elsewhere" in answer.json()["detail"]


async def token_at_twilio(plane: ControlPlane, account_sid: str) -> str:
    settings = plane.settings
    assert settings.twilio_auth_token is not None
    answer = await plane.platform.http.get(
        f"{plane.urls['twilio']}/2010-04-01/Accounts/{account_sid}.json",
        auth=(settings.twilio_account_sid or "", settings.twilio_auth_token.get_secret_value()),
    )
    return str(answer.json()["auth_token"])


async def asks(plane: ControlPlane, carrier_id: str, form: dict[str, str], token: str | None) -> httpx.Response:
    """As Twilio does, signed by that account."""
    url = f"{plane.settings.public_url}/v1/carriers/twilio/{carrier_id}/fallback"
    signed = {"x-twilio-signature": signature(token, url, form)} if token else {}
    return await plane.platform.http.post(url, data=form, headers=signed)


class TestWhomToBelieve:
    async def test_only_the_account_itself(self, reached: ControlPlane, there: Client) -> None:
        """Unsigned, signed by another tenant, about an account that nobody has: the same 403, and nothing is told."""
        made, other = await bought(there), await reached.owner()
        theirs = await bought(other)
        await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        sids = {c["carrier_id"]: c["account_sid"] for c in (await other.get("/v1/carriers")).json()}
        wrong = await token_at_twilio(reached, sids[theirs["carrier_id"]])
        form = {"From": CALLER, "To": made["e164"], "CallSid": "CA1"}
        nobody = "6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77"
        answers = [
            await asks(reached, made["carrier_id"], form, None),
            await asks(reached, made["carrier_id"], form, wrong),
            await asks(reached, nobody, form, wrong),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert len({answer.json()["detail"] for answer in answers}) == 1
        assert not any(OWNERS in answer.text for answer in answers)

    async def test_an_account_asks_about_its_own_numbers_only(self, reached: ControlPlane, there: Client) -> None:
        """Rightly signed, about a number of another tenant: the apology, and not where that number leads."""
        made, other = await bought(there), await reached.owner()
        theirs = await bought(other)
        await chooses(other, theirs["e164"], {"kind": "forward", "number": OWNERS})
        sids = {c["carrier_id"]: c["account_sid"] for c in (await there.get("/v1/carriers")).json()}
        token = await token_at_twilio(reached, sids[made["carrier_id"]])
        answer = await asks(reached, made["carrier_id"], {"From": CALLER, "To": theirs["e164"]}, token)
        assert (answer.status_code, "<Say" in answer.text, OWNERS in answer.text) == (200, True, False)

    @pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 300, b"From=%2B12125550123", b"To=sip%3Adesk"])
    async def test_what_is_no_call(self, reached: ControlPlane, there: Client, body: bytes) -> None:
        """422, whoever sent it."""
        made = await bought(there)
        url = f"{reached.settings.public_url}/v1/carriers/twilio/{made['carrier_id']}/fallback"
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await reached.platform.http.post(url, content=body, headers=kind)
        assert answer.status_code == 422, answer.text

    async def test_without_the_database(self, reached: ControlPlane, there: Client) -> None:
        """Nobody can be believed and nothing looked up: the caller hears the apology all the same."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        reached.database.stop_postgrest()
        try:
            call = await rings(reached, made["e164"])
        finally:
            reached.database.start_postgrest()
        assert (call["asked"], call["dialed"], len(call["heard"])) == ([200], [], 1)

    async def test_without_the_database_after_the_ringing(self, reached: ControlPlane, there: Client) -> None:
        """Whoever was answered has had their call: nobody apologises for that."""
        made = await bought(there)
        form = {"From": somebody(), "To": made["e164"], "DialCallStatus": "completed"}
        reached.database.stop_postgrest()
        try:
            answer = await asks(reached, made["carrier_id"], form, None)
        finally:
            reached.database.start_postgrest()
        assert (answer.status_code, "<Hangup" in answer.text, "<Say" in answer.text) == (200, True, False)

    async def test_nothing_personal_is_logged(
        self, reached: ControlPlane, there: Client, logged: Callable[[], str]
    ) -> None:
        """That a call was not taken and what became of it is; who called, whom, and where it went is not."""
        made = await bought(there)
        await chooses(there, made["e164"], {"kind": "forward", "number": OWNERS})
        caller = somebody()
        await rings(reached, made["e164"], dials="no-answer", **{"from": caller})
        said = logged()
        assert said.count("call.unanswered") == 2
        assert [number for number in (caller, made["e164"], OWNERS) if number[1:] in said] == []


class TestTheSetting:
    async def test_it_is_changed_as_it_was_read(self, reached: ControlPlane, there: Client) -> None:
        """With the tag that was read; a second change with the same tag is refused, and the first stands."""
        made = await bought(there)
        path = f"/v1/numbers/{made['e164']}"
        tag = (await there.get(path)).headers["etag"]
        choice = {"kind": "message", "text": "We call you back."}
        changed = await there.http.patch(path, json={"fallback": choice}, headers={"if-match": tag})
        assert (changed.status_code, changed.json()["fallback"]) == (200, choice)
        assert changed.headers["etag"] != tag
        late = await there.http.patch(path, json={"fallback": {"kind": "none"}}, headers={"if-match": tag})
        assert (late.status_code, late.json()["reason"]) == (412, "number_changed")
        shown = await there.get(path)
        assert (shown.json()["fallback"], shown.headers["etag"]) == (choice, changed.headers["etag"])
        assert (await chooses(there, made["e164"], None))["fallback"] is None

    async def test_it_goes_with_the_number(self, reached: ControlPlane, there: Client) -> None:
        """Released and imported again, the number begins anew, and nobody is asked about it meanwhile."""
        account_sid = await own_twilio(reached, there)
        e164 = somebody()
        await reached.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid})
        await there.made("/v1/numbers/imports", {"e164": e164})
        await chooses(there, e164, {"kind": "forward", "number": OWNERS})
        assert len((await rings(reached, e164))["dialed"]) == 1
        await there.made(f"/v1/numbers/{e164}/release", {"confirm": e164})
        assert (await rings(reached, e164))["asked"] == []
        await there.made("/v1/numbers/imports", {"e164": e164})
        assert (await there.get(f"/v1/numbers/{e164}")).json()["fallback"] is None

    async def test_where_the_carrier_decides(self, reached: ControlPlane, there: Client) -> None:
        """A number on a trunk of the owner's own says so, before anybody tries."""
        e164 = somebody()
        await there.made("/v1/numbers/sip-trunks", {"e164s": [e164], "allowed_addresses": ["203.0.113.7"]})
        shown = (await there.get(f"/v1/numbers/{e164}")).json()
        assert (shown["fallback"], shown["fallback_standing"]) == (None, "at_carrier")


class TestKeptInStep:
    async def test_a_deployment_that_nobody_reaches(self, plane: ControlPlane) -> None:
        """Its numbers say so, its carrier is told nothing, and the reconciler says what to set."""
        async with reconfigured(plane, ava_public_url=None) as deployed:
            owner = await deployed.owner()
            made = await bought(owner)
            shown = (await owner.get(f"/v1/numbers/{made['e164']}")).json()
            assert shown["fallback_standing"] == "no_public_address"
            assert (await trunk_of(deployed, made["e164"]))["disaster_recovery_url"] is None
            provided = deployed.app.state.provided
            report = await reconcile_numbers(provided, repair=False, tenant_id=owner.tenant_id)
            assert (report.drifts, report.clean) == ((), True)
            [advice] = report.advice
            assert "AVA_PUBLIC_URL" in advice
            call = await rings(deployed, made["e164"])
            assert (call["ended"], call["heard"]) == ("failed", [])

    async def test_it_follows_the_deployment(self, plane: ControlPlane, reached: ControlPlane, there: Client) -> None:
        """Moved, the trunk asks at the new address; reached by nobody any more, it asks nobody; each is seen first."""
        made = await bought(there)
        tenant = {"tenant_id": there.tenant_id}
        before = reached.settings.public_url or ""
        for address in ("https://moved.example.com", None, before):
            url = None if address is None else HttpUrl(address)
            changes = {"ava_public_url": url, "livekit_sip_uri": reached.settings.livekit_sip_uri}
            async with reconfigured(plane, **changes) as moved:
                provided = moved.app.state.provided
                seen = await reconcile_numbers(provided, repair=False, **tenant)
                assert [(one.kind.value, one.repairable) for one in seen.drifts] == [("trunk_wrong", True)]
                assert "asks elsewhere, or nowhere" in seen.drifts[0].words
                mended = await reconcile_numbers(provided, repair=True, **tenant)
                assert [one.repaired for one in mended.drifts] == [True]
                assert (await reconcile_numbers(provided, repair=False, **tenant)).drifts == ()
            asks_at = (await trunk_of(reached, made["e164"]))["disaster_recovery_url"]
            assert asks_at == (f"{address}/v1/carriers/twilio/{made['carrier_id']}/fallback" if address else None)
        assert len((await rings(reached, made["e164"]))["heard"]) == 1

    async def test_a_carrier_that_does_not_answer(self, reached: ControlPlane, there: Client) -> None:
        """Nothing is said about its trunk."""
        await bought(there)
        every = {"operation": "list_origination", "kind": "status", "status": 503, "times": None}
        await reached.control("twilio", "faults", [every])
        try:
            async with process(reached, Fate()) as numbers:
                report = await numbers.reconciler.reconcile(repair=False, tenant_id=there.tenant_id)
        finally:
            await reached.control("twilio", "faults", method="DELETE")
        assert report.drifts == ()
        assert [words for words in report.unreachable if words.startswith("trunk of carrier account")] != []


async def test_a_number_of_an_archived_assistant_is_told_in_its_countrys_language(
    reached: ControlPlane, there: Client
) -> None:
    """No assistant, no language of its own: the number's country decides."""
    made = await bought(there, assistant_id=await assistant(there))
    execute(reached, f"update number_purchases set assistant_id = null where e164 = '{made['e164']}'")
    [heard] = (await rings(reached, made["e164"]))["heard"]
    assert heard["language"] == "en-GB"
