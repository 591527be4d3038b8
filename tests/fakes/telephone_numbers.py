"""What tests of numbers do over and over: look at the carrier and the line, buy, import, and let time pass."""

from typing import Any
from uuid import uuid4

import psycopg

from tests.fakes.control_plane import Client, ControlPlane


def key(text: str = "") -> dict[str, str]:
    """A header for one purchase."""
    return {"idempotency-key": text or str(uuid4())}


async def offered(owner: Client, **query: Any) -> list[dict[str, Any]]:
    answer = await owner.get("/v1/available-numbers", params={"country": "US", **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def bought(owner: Client, **body: Any) -> dict[str, Any]:
    """A number that is active."""
    choice = (await offered(owner))[0]
    wanted = {"e164": choice["e164"], "country": "US", "kind": "local", **body}
    made = await owner.made("/v1/numbers/purchases", wanted, headers=key())
    assert made["state"] == "active", made
    return made


async def assistant(owner: Client) -> str:
    made = await owner.made("/v1/assistants", {"preset": {"industry": "health", "language": "fr"}})
    return str(made["assistant_id"])


async def at_twilio(plane: ControlPlane) -> dict[str, Any]:
    state: dict[str, Any] = await plane.control("twilio", "state", method="GET")
    return state


async def number_at_twilio(plane: ControlPlane, e164: str) -> dict[str, Any] | None:
    found = [number for number in (await at_twilio(plane))["numbers"] if number["e164"] == e164]
    assert len(found) <= 1
    return found[0] if found else None


async def on_line(plane: ControlPlane, e164: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """-> the trunks that take the number, the rules for them."""
    state = await plane.control("livekit", "state", method="GET")
    trunks = [trunk for trunk in state["trunks"] if e164 in trunk.get("numbers", [])]
    ids = {trunk["sip_trunk_id"] for trunk in trunks}
    return trunks, [rule for rule in state["rules"] if ids & set(rule.get("trunk_ids", []))]


async def ways_out(plane: ControlPlane) -> list[dict[str, Any]]:
    """The trunks by which calls leave, as LiveKit has them."""
    state = await plane.control("livekit", "state", method="GET")
    found: list[dict[str, Any]] = state["outbound_trunks"]
    return found


async def gets_out(plane: ControlPlane, way_out: dict[str, Any]) -> bool:
    """Twilio lets in who comes with the sign-in of this trunk."""
    given = {"username": way_out["auth_username"], "password": way_out["auth_password"]}
    said = await plane.control("twilio", "termination", {"domain": way_out["address"], **given})
    return bool(said["status"] == 200)


async def own_twilio(plane: ControlPlane, owner: Client) -> str:
    """The owner's own account at Twilio: a subaccount by whoever's hand, connected -> its SID."""
    account_sid, token = await account_at_twilio(plane)
    await owner.made("/v1/carriers/twilio", {"account_sid": account_sid, "auth_token": token})
    return account_sid


async def account_at_twilio(plane: ControlPlane) -> tuple[str, str]:
    """A new account with a token of its own."""
    settings = plane.settings
    assert settings.twilio_auth_token is not None
    answer = await plane.platform.http.post(
        f"{plane.urls['twilio']}/2010-04-01/Accounts.json",
        data={"FriendlyName": f"someone's {uuid4()}"},
        auth=(settings.twilio_account_sid or "", settings.twilio_auth_token.get_secret_value()),
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["sid"], answer.json()["auth_token"]


def execute(plane: ControlPlane, *statements: str) -> None:
    """As nobody may: past every policy."""
    with psycopg.connect(plane.database.postgres_url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


_DEAD = "update {table} set claimed_until = now() - interval '1 second' where claimed_until > now()"


def let_time_pass(plane: ControlPlane, *, minutes: int = 0) -> None:
    """Whoever held a key, a number or an account has died, and what was put off is due; `minutes` ago the carrier was asked
    to sell a number."""
    execute(
        plane,
        *(_DEAD.format(table=table) for table in ("idempotency_keys", "number_purchases", "carrier_accounts")),
        "update number_purchases set next_attempt_at = now() - interval '1 second', buy_sent_at = buy_sent_at -"
        f" interval '{minutes} minutes' where state in ('requested', 'bought', 'routed', 'releasing')",
    )
