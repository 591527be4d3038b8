"""Stands for Twilio's REST API: the part by which telephone numbers are found, bought, routed to a SIP trunk and given back.

One app for four hosts, as their paths do not meet: ``api`` (``/2010-04-01``), ``trunking`` (``/v1/Trunks``), ``numbers``
(``/v2/RegulatoryCompliance``) and ``pricing`` (``/v1/PhoneNumbers``).

Owns: the wire: Basic auth by account and token (a parent may act on its subaccount's path in the 2010 API; elsewhere the
account is whoever signs in), form bodies in, JSON out, both ways of paging, the error body, and faults. The rules are in
`sandbox.twilio_account`, the endpoints in `sandbox.twilio_endpoints`, what is for sale in `sandbox.twilio_inventory`, who may
call out through a trunk in `sandbox.twilio_termination`.
Refuses: calls but those to its numbers (`sandbox.twilio_ring`), messages, API keys, creating bundles (they are seeded, as a
person at Twilio approves them).

What it cannot show: what a country really asks for, which of two refusals comes first, the texts of the real errors, what
attaching a number or a credential list twice answers, how long a bundle's review takes, and that a write is seen by every
later read at once, which Twilio does not promise.

Options of `create_app` (all text): ``account_sid`` and ``auth_token`` of the main account (`ACCOUNT_SID`, `AUTH_TOKEN`),
``trial`` ("1": one number only, code 10002), ``number_limit`` and ``max_concurrent`` (0: none; past it 21404, 20429).

HTTP surface beside the switchboard's (JSON; ``account_sid`` is the main account's unless given):

- ``GET  /_ctl/state``        accounts, numbers with their routing, trunks, what was sold, taken and released
- ``POST /_ctl/numbers``      {"e164", "account_sid"?, "label"?, "voice_url"?, "trunk_sid"?, "voice_application_sid"?}: a
  number that the account already owns, routed like that -> {"sid"}
- ``POST /_ctl/take``         {"e164"}: somebody else buys it now
- ``POST /_ctl/bundles``      {"country", "kind", "status"?, "account_sid"?} -> {"sid"}
- ``POST /_ctl/accounts``     {"account_sid"?, "status"}: suspended or active, by Twilio's own hand
- ``POST /_ctl/calls``       {"from", "to", "forwarded_from"?, "dials"?}: somebody dials a number of Twilio's -> what became of
  it (`sandbox.twilio_ring`)
- ``POST /_ctl/barred``     {"prefixes": ["+225", …]}: what no trunk may call (geographic permissions)
- ``POST /_ctl/termination`` {"domain", "from", "to", "authorization"?, "challenge"?: {"realm", "nonce", "qop"}} or {"domain",
  "username", "password"}: whether a call out gets in -> {"status", "why"}; a status of SIP's, 0 where Twilio says nothing
- ``POST /_ctl/late_commit``  {"delay_ms"}: the next purchase's answer is lost at once and it is made n ms later
"""

import asyncio
import base64
import binascii
import contextlib
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox import twilio_endpoints as does
from sandbox import twilio_termination as lets
from sandbox.faults import DroppedConnection, Endpoint, Switchboard, knobs_from
from sandbox.twilio_account import AccountRow, Ledger, Refusal
from sandbox.twilio_controls import Controls
from sandbox.twilio_endpoints import Act, Asked
from sandbox.twilio_shapes import error_body

ACCOUNT_SID: Final = "AC" + "a0" * 16
AUTH_TOKEN: Final = "twilio-stand-in-token-0000000001"

_ACCOUNT = "/2010-04-01/Accounts/{account}"
_TRUNK = "/v1/Trunks/{trunk}"
_LISTS = f"{_ACCOUNT}/SIP/CredentialLists"
_COMPLIANCE = "/v2/RegulatoryCompliance"
_TABLE: Final[tuple[tuple[str, str, str, Act], ...]] = (
    ("GET", "/2010-04-01/Accounts.json", "list_accounts", does.list_accounts),
    ("POST", "/2010-04-01/Accounts.json", "open_subaccount", does.open_subaccount),
    ("GET", f"{_ACCOUNT}.json", "fetch_account", does.fetch_account),
    ("POST", f"{_ACCOUNT}.json", "update_account", does.update_account),
    ("GET", f"{_ACCOUNT}/AvailablePhoneNumbers/{{country}}.json", "show_country", does.show_country),
    ("GET", f"{_ACCOUNT}/AvailablePhoneNumbers/{{country}}/{{kind}}.json", "search", does.search_numbers),
    ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers.json", "list_numbers", does.list_numbers),
    ("POST", f"{_ACCOUNT}/IncomingPhoneNumbers.json", "buy", does.buy_number),
    ("GET", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", "fetch_number", does.fetch_number),
    ("POST", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", "update_number", does.update_number),
    ("DELETE", f"{_ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json", "release", does.release_number),
    ("GET", f"{_ACCOUNT}/Addresses.json", "list_addresses", does.list_addresses),
    ("POST", f"{_ACCOUNT}/Addresses.json", "create_address", does.create_address),
    ("GET", "/v1/Trunks", "list_trunks", does.list_trunks),
    ("POST", "/v1/Trunks", "open_trunk", does.open_trunk),
    ("GET", _TRUNK, "fetch_trunk", does.fetch_trunk),
    ("POST", _TRUNK, "update_trunk", does.update_trunk),
    ("DELETE", _TRUNK, "close_trunk", does.close_trunk),
    ("GET", f"{_TRUNK}/OriginationUrls", "list_origination", does.list_origination),
    ("POST", f"{_TRUNK}/OriginationUrls", "create_origination", does.create_origination),
    ("POST", f"{_TRUNK}/OriginationUrls/{{sid}}", "update_origination", does.update_origination),
    ("DELETE", f"{_TRUNK}/OriginationUrls/{{sid}}", "delete_origination", does.delete_origination),
    ("GET", f"{_TRUNK}/PhoneNumbers", "list_trunk_numbers", does.list_trunk_numbers),
    ("POST", f"{_TRUNK}/PhoneNumbers", "attach", does.attach_number),
    ("DELETE", f"{_TRUNK}/PhoneNumbers/{{sid}}", "detach", does.detach_number),
    ("GET", f"{_TRUNK}/CredentialLists", "list_trunk_lists", lets.list_trunk_lists),
    ("POST", f"{_TRUNK}/CredentialLists", "attach_list", lets.attach_list),
    ("GET", f"{_TRUNK}/CredentialLists/{{sid}}", "fetch_trunk_list", lets.fetch_trunk_list),
    ("DELETE", f"{_TRUNK}/CredentialLists/{{sid}}", "detach_list", lets.detach_list),
    ("GET", f"{_LISTS}.json", "list_lists", lets.list_lists),
    ("POST", f"{_LISTS}.json", "create_list", lets.create_list),
    ("GET", f"{_LISTS}/{{list}}.json", "fetch_list", lets.fetch_list),
    ("DELETE", f"{_LISTS}/{{list}}.json", "delete_list", lets.delete_list),
    ("GET", f"{_LISTS}/{{list}}/Credentials.json", "list_credentials", lets.list_credentials),
    ("POST", f"{_LISTS}/{{list}}/Credentials.json", "create_credential", lets.create_credential),
    ("POST", f"{_LISTS}/{{list}}/Credentials/{{sid}}.json", "update_credential", lets.update_credential),
    ("DELETE", f"{_LISTS}/{{list}}/Credentials/{{sid}}.json", "delete_credential", lets.delete_credential),
    ("GET", f"{_COMPLIANCE}/Regulations", "list_regulations", does.list_regulations),
    ("GET", f"{_COMPLIANCE}/Bundles", "list_bundles", does.list_bundles),
    ("GET", f"{_COMPLIANCE}/Bundles/{{sid}}", "fetch_bundle", does.fetch_bundle),
    ("GET", "/v1/PhoneNumbers/Countries/{country}", "show_prices", does.show_prices),
)
OPERATIONS: Final = tuple(operation for _, _, operation, _ in _TABLE)


class TwilioApp:
    """The routes over one ledger."""

    def __init__(self, options: Mapping[str, str]) -> None:
        account_sid, token = options.get("account_sid", ACCOUNT_SID), options.get("auth_token", AUTH_TOKEN)
        self.ledger = Ledger(account_sid, token, trial=options.get("trial") == "1")
        knobs = knobs_from(options, {"number_limit": 0, "max_concurrent": 0})
        self.switchboard = Switchboard(operations=OPERATIONS, knobs=knobs)
        self.switchboard.on_reset(self._reset)
        self._late: set[asyncio.Task[None]] = set()
        self._late_seconds: float | None = None
        self._in_flight = 0
        self._epoch = 0

    def lose_next_purchase(self, seconds: float) -> None:
        self._late_seconds = seconds

    def _reset(self) -> None:
        for task in self._late:
            task.cancel()
        self._late_seconds = None
        self._epoch += 1
        self.ledger.reset()

    def routes(self) -> list[BaseRoute]:
        routes: list[BaseRoute] = [
            Route(path, self._counted(self._guarded(operation, act)), methods=[method])
            for method, path, operation, act in _TABLE
        ]
        return [*routes, *Controls(self).routes(), *self.switchboard.routes()]

    def _guarded(self, operation: str, act: Act) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if request.state.epoch != self._epoch:
                return _refused(
                    Refusal(503, 20503, "Asked before a reset")
                )  # a delayed one must not act on what is new
            try:
                asked = await self._asked(request)
                if operation == "buy" and self._late_seconds is not None:
                    return self._buy_later(asked)
                return act(asked)
            except Refusal as refusal:
                return _refused(refusal)
            except ValueError as error:
                return _refused(Refusal(400, 20001, f"A parameter has no meaning: {type(error).__name__}"))

        return self.switchboard.guard(operation, endpoint, error_body=error_body)

    def _counted(self, endpoint: Endpoint) -> Endpoint:
        """Faults wait inside: a request that a rule delays takes its place."""

        async def counted(request: Request) -> Response:
            limit = self.switchboard.knobs["max_concurrent"]
            if limit and self._in_flight >= limit:
                return _refused(Refusal(429, 20429, "Too Many Requests"))
            self._in_flight += 1
            request.state.epoch = self._epoch
            try:
                return await endpoint(request)
            finally:
                self._in_flight -= 1

        return counted

    def _buy_later(self, asked: Asked) -> Response:
        async def commit(seconds: float) -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(Refusal):
                self.ledger.buy(asked.account, asked.form, limit=asked.number_limit)

        seconds, self._late_seconds = self._late_seconds or 0.0, None
        task = asyncio.create_task(commit(seconds))
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return DroppedConnection()

    async def _asked(self, request: Request) -> Asked:
        caller = self._caller(request)
        names: dict[str, str] = dict(request.path_params)
        account = self.ledger.reach(caller, names["account"]) if "account" in names else caller
        kind = request.headers.get("content-type", "").partition(";")[0]
        body = await request.body() if kind == "application/x-www-form-urlencoded" else b""
        return Asked(
            ledger=self.ledger,
            caller=caller,
            account=account,
            base=str(request.base_url).rstrip("/"),
            path=request.url.path,
            names=names,
            query=dict(request.query_params),
            form=dict(parse_qsl(body.decode(), keep_blank_values=True)),
            number_limit=self.switchboard.knobs["number_limit"],
        )

    def _caller(self, request: Request) -> AccountRow:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            sid, _, token = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            sid, token = "", ""
        return self.ledger.authenticate(sid if scheme.casefold() == "basic" else "", token)


def _refused(refusal: Refusal) -> Response:
    body = error_body(refusal.status, refusal.code, refusal.message)
    challenge = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else None
    return JSONResponse(body, status_code=refusal.status, headers=challenge)


async def _nothing_here(request: Request, error: Exception) -> Response:
    body: dict[str, Any] = error_body(404, 20404, f"The requested resource {request.url.path} was not found")
    return JSONResponse(body, status_code=404)


def create_app(options: Mapping[str, str] | None = None) -> Starlette:
    """See the module docstring for ``options``."""
    app = TwilioApp(options or {})
    return Starlette(routes=app.routes(), exception_handlers={404: _nothing_here})
