"""What numbers answer when it can't be done."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

from control_api.numbers.importing import ImportService
from control_api.numbers.service import NumberService
from tests.api.problems.case import Case
from tests.fakes.control_plane import Client, ControlPlane
from tests.fakes.telephone_numbers import assistant, bought, execute, key, offered, own_twilio

_numbers = iter(range(10_000))
_KINDS = {"country": "US", "kind": "local"}
_INVALID = "+15005550001"  # Twilio's own example of a number that is none
Ask = Callable[[ControlPlane, Client], Awaitable[httpx.Response]]


def fresh() -> str:
    """A number nobody has."""
    return f"+1646555{next(_numbers):04d}"


async def _brought(owner: Client) -> str:
    """An active number that cost nothing: on a trunk of the owner's."""
    e164 = fresh()
    await owner.made("/v1/numbers/sip-trunks", {"e164s": [e164], "allowed_addresses": ["203.0.113.7"]})
    return e164


async def _archived(owner: Client) -> str:
    who = await assistant(owner)
    put = await owner.http.put(f"/v1/assistants/{who}/status", json={"status": "archived"})
    assert put.status_code == 200
    return who


async def _search(plane: ControlPlane, owner: Client, **query: str) -> httpx.Response:
    return await owner.get("/v1/available-numbers", params={"country": "US", **query})


async def _requirements(plane: ControlPlane, owner: Client, **query: str) -> httpx.Response:
    return await owner.get("/v1/available-numbers/requirements", params={"country": "US", **query})


async def _buy(plane: ControlPlane, owner: Client, **body: Any) -> httpx.Response:
    wanted = {**_KINDS, "e164": "+12025550199", **body}
    return await owner.post("/v1/numbers/purchases", wanted, headers=key())


async def _import(plane: ControlPlane, owner: Client, **body: Any) -> httpx.Response:
    return await owner.post("/v1/numbers/imports", {"e164": fresh(), **body})


async def _trunk(plane: ControlPlane, owner: Client, **body: Any) -> httpx.Response:
    wanted = {"e164s": [fresh()], "allowed_addresses": ["203.0.113.7"], **body}
    return await owner.post("/v1/numbers/sip-trunks", wanted)


async def _importable(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await owner.get("/v1/carriers/twilio/numbers")


async def _release(plane: ControlPlane, owner: Client, e164: str = "+12025550199") -> httpx.Response:
    return await owner.post(f"/v1/numbers/{e164}/release", {"confirm": e164})


async def _assign(plane: ControlPlane, owner: Client, e164: str = "+12025550199", who: str = "") -> httpx.Response:
    body = {"assistant_id": who or await assistant(owner)}
    return await owner.http.put(f"/v1/numbers/{e164}/assistant", json=body)


async def _patch(
    plane: ControlPlane, owner: Client, e164: str = "+12025550199", to: str = "+33612345678", tag: str | None = "*"
) -> httpx.Response:
    headers = {} if tag is None else {"if-match": tag}
    body = {"fallback": {"kind": "forward", "number": to}}
    return await owner.http.patch(f"/v1/numbers/{e164}", json=body, headers=headers)


async def _patch_brought(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _patch(plane, owner, await _brought(owner))


async def _patch_leaving(plane: ControlPlane, owner: Client) -> httpx.Response:
    """A number that is being given back."""
    e164 = str((await bought(owner))["e164"])
    of_owner = f"e164 = '{e164}' and tenant_id = '{owner.tenant_id}'"
    execute(plane, f"update number_purchases set state = 'releasing', next_attempt_at = 'infinity' where {of_owner}")
    answer = await _patch(plane, owner, e164)
    execute(plane, f"update number_purchases set next_attempt_at = now() where {of_owner}")
    return answer


async def _patch_to_ours(plane: ControlPlane, owner: Client) -> httpx.Response:
    """To the number of another business that AVA answers."""
    e164 = str((await bought(owner))["e164"])
    return await _patch(plane, owner, e164, to=await _brought(await plane.owner()))


async def _patch_stale(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _patch(plane, owner, str((await bought(owner))["e164"]), tag='"r999"')


async def _owned(plane: ControlPlane, owner: Client, ask: Ask) -> httpx.Response:
    """By an owner whose Twilio account is connected."""
    await own_twilio(plane, owner)
    return await ask(plane, owner)


def _by(ask: Ask) -> Callable[[ControlPlane], Awaitable[httpx.Response]]:
    """By the owner of a new tenant."""

    async def send(plane: ControlPlane) -> httpx.Response:
        return await ask(plane, await plane.owner())

    return send


def _unconfigured(ask: Ask) -> Callable[[ControlPlane], Awaitable[httpx.Response]]:
    """In a deployment without a carrier and without a line."""

    async def send(plane: ControlPlane) -> httpx.Response:
        owner, provided = await plane.owner(), plane.app.state.provided
        numbers, imports = provided[NumberService], provided[ImportService]
        bare = replace(numbers, accounts=replace(numbers.accounts, platform=None), has_line=False)
        provided |= {NumberService: bare, ImportService: replace(imports, numbers=bare)}
        try:
            return await ask(plane, owner)
        finally:
            provided |= {NumberService: numbers, ImportService: imports}

    return send


def _fault(
    stand_in: str, operation: str, ask: Ask, **fault: Any
) -> Callable[[ControlPlane], Awaitable[httpx.Response]]:
    async def send(plane: ControlPlane) -> httpx.Response:
        owner = await plane.owner()
        rule = {"operation": operation, "kind": "status", "times": None, **fault}
        await plane.control(stand_in, "faults", [rule])
        try:
            return await ask(plane, owner)
        finally:
            await plane.control(stand_in, "faults", method="DELETE")

    return send


async def _limited(plane: ControlPlane, owner: Client, ask: Ask) -> httpx.Response:
    execute(plane, f"update tenants set number_limit = 0 where tenant_id = '{owner.tenant_id}'")
    return await ask(plane, owner)


async def _buy_offered(
    plane: ControlPlane, owner: Client, country: str = "US", kind: str = "local", **body: Any
) -> Any:
    choice = (await offered(owner, country=country, kind=kind))[0]
    return await _buy(plane, owner, e164=choice["e164"], country=country, kind=kind, **body)


async def _buy_taken(plane: ControlPlane, owner: Client) -> httpx.Response:
    choice = (await offered(owner))[-1]
    await plane.control("twilio", "take", {"e164": choice["e164"]})
    return await _buy(plane, owner, e164=choice["e164"])


async def _buy_twice(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _buy(plane, owner, e164=(await bought(owner))["e164"])


async def _buy_owned(plane: ControlPlane, owner: Client) -> httpx.Response:
    """In the business's account it is there already, under a label of somebody's."""
    await bought(owner)
    account_sid = (await owner.get("/v1/carriers")).json()[0]["account_sid"]
    e164 = fresh()
    await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid, "label": "by hand"})
    return await _buy(plane, owner, e164=e164)


async def _buy_past_the_carriers_limit(plane: ControlPlane, owner: Client) -> httpx.Response:
    await bought(owner)
    await plane.control("twilio", "knobs", {"number_limit": 1})
    try:
        return await _buy_offered(plane, owner)
    finally:
        await plane.control("twilio", "knobs", {"number_limit": 0})


async def _buy_over_alert(plane: ControlPlane, owner: Client) -> httpx.Response:
    await owner.http.patch("/v1/tenant", json={"number_cost_alert": "0.50"}, headers={"if-match": "*"})
    return await _buy_offered(plane, owner)


async def _buy_without_key(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await owner.post("/v1/numbers/purchases", {**_KINDS, "e164": "+12025550199"})


async def _connect(plane: ControlPlane, owner: Client, sid: str = f"AC{'f' * 32}") -> httpx.Response:
    return await owner.post("/v1/carriers/twilio", {"account_sid": sid, "auth_token": "0123456789abcdef"})


async def _connect_too_many(plane: ControlPlane, owner: Client) -> httpx.Response:
    for _ in range(5):
        await own_twilio(plane, owner)
    token = plane.settings.twilio_auth_token
    assert token is not None
    body = {"account_sid": plane.settings.twilio_account_sid, "auth_token": token.get_secret_value()}
    return await owner.post("/v1/carriers/twilio", body)


async def _unreadable(plane: ControlPlane, owner: Client, ask: Ask) -> httpx.Response:
    """What was sealed with a key that is gone."""
    await own_twilio(plane, owner)
    execute(plane, f"update carrier_accounts set sealed_secret = 'v1:x' where tenant_id = '{owner.tenant_id}'")
    return await ask(plane, owner)


async def _suspended(plane: ControlPlane, owner: Client, ask: Ask) -> httpx.Response:
    account_sid = await own_twilio(plane, owner)
    await plane.control("twilio", "accounts", {"account_sid": account_sid, "status": "suspended"})
    return await ask(plane, owner)


async def _refused(plane: ControlPlane, owner: Client, ask: Ask) -> httpx.Response:
    await own_twilio(plane, owner)
    body = {"code": 20001, "message": "no", "status": 400}
    await plane.control(
        "twilio", "faults", [{"operation": "list_numbers", "kind": "status", "status": 400, "body": body}]
    )
    return await ask(plane, owner)


async def _import_seeded(
    plane: ControlPlane, owner: Client, e164: str = "", body: dict[str, Any] | None = None, **seed: Any
) -> httpx.Response:
    e164, account_sid = e164 or fresh(), await own_twilio(plane, owner)
    await plane.control("twilio", "numbers", {"e164": e164, "account_sid": account_sid, **seed})
    return await owner.post("/v1/numbers/imports", {"e164": e164, **(body or {})})


async def _import_of_others(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _import_seeded(plane, owner, await _brought(await plane.owner()))


async def _import_twice(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _import_seeded(plane, owner, await _brought(owner))


async def _import_for(plane: ControlPlane, owner: Client, who: str) -> httpx.Response:
    return await _import_seeded(plane, owner, body={"assistant_id": who})


async def _trunk_routed_elsewhere(plane: ControlPlane, owner: Client) -> httpx.Response:
    e164 = fresh()
    await plane.control("livekit", "trunks", {"name": "an operator's", "numbers": [e164]})
    return await _trunk(plane, owner, e164s=[e164])


async def _remove_in_use(plane: ControlPlane, owner: Client) -> httpx.Response:
    await _brought(owner)
    carrier = (await owner.get("/v1/carriers")).json()[0]
    return await owner.http.delete(f"/v1/carriers/{carrier['carrier_id']}")


async def _operators(plane: ControlPlane, owner: Client, method: str) -> httpx.Response:
    """A number that an operator put here."""
    e164 = fresh()
    row = f"insert into phone_numbers (e164, tenant_id) values ('{e164}', '{owner.tenant_id}')"
    execute(plane, row)
    return await _release(plane, owner, e164)


async def _unassign_leaving(plane: ControlPlane, owner: Client) -> httpx.Response:
    """A number that is being given back."""
    e164 = await _brought(owner)
    execute(
        plane, f"update number_purchases set state = 'releasing', next_attempt_at = 'infinity' where e164 = '{e164}'"
    )
    answer = await owner.http.delete(f"/v1/numbers/{e164}/assistant")
    execute(plane, f"update number_purchases set next_attempt_at = now() where e164 = '{e164}'")
    return answer


async def _assign_archived(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _assign(plane, owner, await _brought(owner), await _archived(owner))


async def _buy_for_archived(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _buy(plane, owner, assistant_id=await _archived(owner))


async def _import_for_archived(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _import_for(plane, owner, await _archived(owner))


async def _trunk_for_archived(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _trunk(plane, owner, assistant_id=await _archived(owner))


async def _trunk_of_others(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _trunk(plane, owner, e164s=[await _brought(await plane.owner())])


async def _trunk_twice(plane: ControlPlane, owner: Client) -> httpx.Response:
    return await _trunk(plane, owner, e164s=[await _brought(owner)])


_TWILIO_SAYS_NO: dict[str, Any] = {"status": 400, "body": {"code": 20001, "message": "no", "status": 400}}
_NOWHERE = {"country": "FR", "kind": "toll_free"}
_NOBODY = str(uuid4())

CASES: list[Case] = [
    Case("search_numbers", "carrier_not_configured", _unconfigured(_search)),
    Case("search_numbers", "numbers_not_offered", _by(partial(_search, **_NOWHERE))),
    Case("search_numbers", "carrier_refused", _fault("twilio", "search", _search, **_TWILIO_SAYS_NO)),
    Case("get_number_requirements", "carrier_not_configured", _unconfigured(_requirements)),
    Case("get_number_requirements", "numbers_not_offered", _by(partial(_requirements, **_NOWHERE))),
    Case("get_number_requirements", "carrier_refused", _fault("twilio", "search", _requirements, **_TWILIO_SAYS_NO)),
    Case("buy_number", "carrier_not_configured", _unconfigured(_buy)),
    Case("buy_number", "idempotency_key_required", _by(_buy_without_key)),
    Case("buy_number", "number_not_available", _by(_buy_taken)),
    Case("buy_number", "number_yours_already", _by(_buy_twice)),
    Case("buy_number", "number_owned_already", _by(_buy_owned)),
    Case("buy_number", "too_many_numbers", _by(partial(_limited, ask=_buy))),
    Case("buy_number", "number_limit_reached", _by(_buy_past_the_carriers_limit)),
    Case("buy_number", "monthly_cost_over_alert", _by(_buy_over_alert)),
    Case("buy_number", "address_required", _by(partial(_buy_offered, country="IL"))),
    Case("buy_number", "bundle_required", _by(partial(_buy_offered, country="GB", kind="mobile"))),
    Case("buy_number", "carrier_refused", _by(partial(_buy, e164=_INVALID))),
    Case("buy_number", "not_found", _by(partial(_buy, assistant_id=_NOBODY))),
    Case("buy_number", "conflict", _by(_buy_for_archived)),
    Case("get_number_purchase", "not_found", _by(lambda _, owner: owner.get(f"/v1/numbers/purchases/{_NOBODY}"))),
    Case("get_number", "not_found", _by(lambda _, owner: owner.get("/v1/numbers/+12025550199"))),
    Case("patch_number", "not_found", _by(_patch)),
    Case("patch_number", "fallback_at_carrier", _by(_patch_brought)),
    Case("patch_number", "conflict", _by(_patch_leaving)),
    Case("patch_number", "fallback_leads_here", _by(_patch_to_ours)),
    Case("patch_number", "stale", _by(_patch_stale)),
    Case("patch_number", "precondition_required", _by(partial(_patch, tag=None))),
    Case("assign_number", "not_found", _by(_assign)),
    Case("assign_number", "conflict", _by(_assign_archived)),
    Case("unassign_number", "not_found", _by(lambda _, owner: owner.http.delete("/v1/numbers/+12025550199/assistant"))),
    Case("unassign_number", "conflict", _by(_unassign_leaving)),
    Case("release_number", "not_found", _by(_release)),
    Case("release_number", "conflict", _by(partial(_operators, method="release"))),
    Case("release_number", "carrier_not_configured", _unconfigured(_release)),
    Case("connect_twilio", "carrier_credentials_refused", _by(_connect)),
    Case("connect_twilio", "carrier_refused", _fault("twilio", "fetch_account", _connect, **_TWILIO_SAYS_NO)),
    Case("connect_twilio", "conflict", _by(_connect_too_many)),
    Case("list_importable_numbers", "not_found", _by(_importable)),
    Case("list_importable_numbers", "carrier_account_gone", _by(partial(_unreadable, ask=_importable))),
    Case("list_importable_numbers", "carrier_credentials_refused", _by(partial(_suspended, ask=_importable))),
    Case("list_importable_numbers", "carrier_refused", _by(partial(_refused, ask=_importable))),
    Case("remove_carrier", "not_found", _by(lambda _, owner: owner.http.delete(f"/v1/carriers/{_NOBODY}"))),
    Case("remove_carrier", "conflict", _by(_remove_in_use)),
    Case("import_number", "carrier_not_configured", _unconfigured(_import)),
    Case("import_number", "not_found", _by(_import)),
    Case("import_number", "carrier_account_gone", _by(partial(_unreadable, ask=_import))),
    Case("import_number", "carrier_credentials_refused", _by(partial(_suspended, ask=_import))),
    Case("import_number", "carrier_refused", _by(partial(_refused, ask=_import))),
    Case("import_number", "number_not_in_account", _by(partial(_owned, ask=_import))),
    Case("import_number", "number_without_voice", _by(partial(_import_seeded, capabilities=["sms"]))),
    Case("import_number", "takeover_unconfirmed", _by(partial(_import_seeded, voice_url="https://calls.example.com"))),
    Case("import_number", "number_not_available", _by(_import_of_others)),
    Case("import_number", "number_yours_already", _by(_import_twice)),
    Case("import_number", "too_many_numbers", _by(partial(_limited, ask=_import_seeded))),
    Case("import_number", "conflict", _by(_import_for_archived)),
    Case("bring_sip_trunk", "carrier_not_configured", _unconfigured(_trunk)),
    Case("bring_sip_trunk", "not_found", _by(partial(_trunk, assistant_id=_NOBODY))),
    Case("bring_sip_trunk", "conflict", _by(_trunk_for_archived)),
    Case("bring_sip_trunk", "number_not_available", _by(_trunk_of_others)),
    Case("bring_sip_trunk", "number_yours_already", _by(_trunk_twice)),
    Case("bring_sip_trunk", "too_many_numbers", _by(partial(_limited, ask=_trunk))),
    Case("bring_sip_trunk", "number_routed_elsewhere", _by(_trunk_routed_elsewhere)),
    Case("bring_sip_trunk", "line_refused", _fault("livekit", "create_inbound_trunk", _trunk, status=403)),
]
