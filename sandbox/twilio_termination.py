"""Stands for Twilio towards whoever calls out through a trunk: credential lists, credentials, what is attached to a trunk, and
whether a call gets in.

Owns: the endpoints of both APIs (2010: lists and credentials; trunking v1: a trunk's lists) with Twilio's rules: a list's name
is its account's only one, a username its list's only one and of at most 32 characters, a password has 12 characters or more,
mixed case and a digit (else 21240), and is kept hashed and shown never. Refuses: HTTP (`sandbox.twilio`), SIP
(`sandbox.twilio_edge`).

What it cannot show: IP access control lists, a trunk's limits of calls, which of two reasons for a 403 Twilio finds first, what
deleting a list in use answers (here it goes), and whether Twilio answers a wrong password with 403 or asks again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from sandbox import twilio_shapes as shapes
from sandbox.sip_wire import Challenge, hashed, username_of
from sandbox.twilio_account import CredentialListRow, CredentialRow, Ledger, Refusal, TrunkRow, missing, not_found
from sandbox.twilio_endpoints import Asked

REALM: Final = "sip.twilio.com"
_INVALID = 21240
_MOST_LISTS, _MOST_CREDENTIALS = 100, 1_000
_PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{12,}", re.DOTALL)


def _answer(body: Any, status: int = 200) -> Response:
    return JSONResponse(body, status_code=status)


def _gone() -> Response:
    return Response(status_code=204)


# lists and their credentials


def _list(asked: Asked, sid: str) -> CredentialListRow:
    row = asked.ledger.credential_lists.get(sid)
    if row is None or row.account != asked.account.sid:
        raise not_found(asked.path)
    return row


def list_lists(asked: Asked) -> Response:
    rows = [row for row in asked.ledger.credential_lists.values() if row.account == asked.account.sid]
    page = shapes.page_2010(
        asked.path, "credential_lists", rows, asked.query, sid=lambda r: r.sid, shape=shapes.credential_list_json
    )
    return _answer(page)


def create_list(asked: Asked) -> Response:
    name = asked.form.get("FriendlyName")
    if not name:
        raise missing("FriendlyName")
    names = [row.friendly_name for row in asked.ledger.credential_lists.values() if row.account == asked.account.sid]
    if name in names or len(name) > 64 or len(names) >= _MOST_LISTS:
        raise Refusal(400, _INVALID, "Credential List validation error")
    row = CredentialListRow(asked.ledger.new_sid("CL"), asked.account.sid, name)
    asked.ledger.credential_lists[row.sid] = row
    return _answer(shapes.credential_list_json(row), 201)


def fetch_list(asked: Asked) -> Response:
    return _answer(shapes.credential_list_json(_list(asked, asked.names["list"])))


def delete_list(asked: Asked) -> Response:
    row = _list(asked, asked.names["list"])
    for trunk in asked.ledger.trunks.values():
        trunk.credential_lists = [sid for sid in trunk.credential_lists if sid != row.sid]
    del asked.ledger.credential_lists[row.sid]
    return _gone()


def list_credentials(asked: Asked) -> Response:
    held = _list(asked, asked.names["list"])
    rows = list(held.credentials.values())
    page = shapes.page_2010(
        asked.path, "credentials", rows, asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.credential_json(r, held),
    )  # fmt: skip
    return _answer(page)


def create_credential(asked: Asked) -> Response:
    held = _list(asked, asked.names["list"])
    username = asked.form.get("Username", "")
    taken = username in [row.username for row in held.credentials.values()]
    if not 1 <= len(username) <= 32 or taken or len(held.credentials) >= _MOST_CREDENTIALS:
        raise Refusal(400, _INVALID, "Credential List validation error")
    now = datetime.now(UTC)
    row = CredentialRow(asked.ledger.new_sid("CR"), username, _digest(username, asked.form), now, now)
    held.credentials[row.sid] = row
    return _answer(shapes.credential_json(row, held), 201)


def update_credential(asked: Asked) -> Response:
    held = _list(asked, asked.names["list"])
    row = _credential(asked, held)
    if "Password" in asked.form:
        row.digest, row.updated = _digest(row.username, asked.form), datetime.now(UTC)
    return _answer(shapes.credential_json(row, held))


def delete_credential(asked: Asked) -> Response:
    held = _list(asked, asked.names["list"])
    del held.credentials[_credential(asked, held).sid]
    return _gone()


def _credential(asked: Asked, held: CredentialListRow) -> CredentialRow:
    row = held.credentials.get(asked.names["sid"])
    if row is None:
        raise not_found(asked.path)
    return row


def _digest(username: str, form: Mapping[str, str]) -> str:
    password = form.get("Password", "")
    if not _PASSWORD.fullmatch(password):
        raise Refusal(400, _INVALID, "Credential List validation error")
    return hashed(username, REALM, password)


# a trunk's lists: the account is whoever signs in


def list_trunk_lists(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    rows = [asked.ledger.credential_lists[sid] for sid in trunk.credential_lists]
    page = shapes.page_v1(
        asked.base + asked.path, "credential_lists", rows, asked.query,
        sid=lambda r: r.sid, shape=lambda r: shapes.trunk_list_json(r, trunk, asked.base),
    )  # fmt: skip
    return _answer(page)


def attach_list(asked: Asked) -> Response:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    if "CredentialListSid" not in asked.form:
        raise missing("CredentialListSid")
    row = _list(asked, asked.form["CredentialListSid"])
    if row.sid in trunk.credential_lists:
        raise Refusal(400, 20001, "The credential list is associated with the trunk already")
    trunk.credential_lists.append(row.sid)
    return _answer(shapes.trunk_list_json(row, trunk, asked.base), 201)


def _attached(asked: Asked) -> tuple[TrunkRow, CredentialListRow]:
    trunk = asked.ledger.trunk(asked.caller.sid, asked.names["trunk"])
    if asked.names["sid"] not in trunk.credential_lists:
        raise not_found(asked.path)
    return trunk, asked.ledger.credential_lists[asked.names["sid"]]


def fetch_trunk_list(asked: Asked) -> Response:
    trunk, row = _attached(asked)
    return _answer(shapes.trunk_list_json(row, trunk, asked.base))


def detach_list(asked: Asked) -> Response:
    trunk, row = _attached(asked)
    trunk.credential_lists.remove(row.sid)
    return _gone()


# whether a call out gets in


@dataclass(frozen=True)
class Wanted:
    """A call out as the edge sees it. `challenge`: what it was asked to sign in with."""

    domain: str
    caller: str
    dialed: str
    authorization: str
    challenge: Challenge | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Wanted":
        """Raises KeyError."""
        asked = body.get("challenge")
        challenge = Challenge(asked["realm"], asked["nonce"], asked["qop"]) if asked else None
        return cls(str(body["domain"]), str(body["from"]), str(body["to"]), body.get("authorization", ""), challenge)


def admit(ledger: Ledger, wanted: Wanted) -> tuple[int, str]:
    """-> SIP's status and why; 407: sign in first; 0: nothing is answered, no trunk has this domain."""
    trunk = _trunk_of(ledger, wanted.domain)
    if trunk is None:
        return 0, "domain"
    if not trunk.credential_lists:
        return 403, "nobody gets in"
    if not wanted.authorization or wanted.challenge is None:
        return 407, "sign-in"
    username = username_of(wanted.authorization)
    rows = [row for row in _credentials(ledger, trunk) if row.username == username]
    if not any(wanted.challenge.accepts_hashed(wanted.authorization, "INVITE", username, row.digest) for row in rows):
        return 403, "sign-in"
    if wanted.caller not in {row.e164 for row in ledger.numbers.values() if row.account == trunk.account}:
        return 403, "caller id"
    if wanted.dialed.startswith(ledger.barred):
        return 403, "geographic permissions"
    return 200, ""


def is_right(ledger: Ledger, domain: str, username: str, password: str) -> bool:
    """Whether these get a call out into the trunk of that domain."""
    trunk, digest = _trunk_of(ledger, domain), hashed(username, REALM, password)
    rows = _credentials(ledger, trunk) if trunk else []
    return any((row.username, row.digest) == (username, digest) for row in rows)


def _trunk_of(ledger: Ledger, domain: str) -> TrunkRow | None:
    return next((trunk for trunk in ledger.trunks.values() if trunk.domain_name == domain), None)


def _credentials(ledger: Ledger, trunk: TrunkRow) -> list[CredentialRow]:
    return [row for sid in trunk.credential_lists for row in ledger.credential_lists[sid].credentials.values()]
