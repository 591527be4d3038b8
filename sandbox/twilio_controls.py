"""The /_ctl routes of the Twilio stand-in's own domain: state, seeds, and what others do meanwhile.

Owns: reading what a test asks for and showing what the accounts hold; the list of routes is in `sandbox.twilio`. Refuses:
Twilio's protocol, and showing a token.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.faults import Endpoint
from sandbox.twilio_account import BundleRow, Refusal
from sandbox.twilio_inventory import Block, Offer, regulation_sid
from sandbox.twilio_ring import dial
from sandbox.twilio_termination import Wanted, admit, is_right

if TYPE_CHECKING:
    from sandbox.twilio import TwilioApp


class Controls:
    """The /_ctl routes of this domain. 400 with {"error"} for what can't be understood."""

    def __init__(self, app: "TwilioApp") -> None:
        self._app = app

    def routes(self) -> list[BaseRoute]:
        table: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
            ("GET", "/_ctl/state", self._state),
            ("POST", "/_ctl/numbers", self._seed),
            ("POST", "/_ctl/take", self._take),
            ("POST", "/_ctl/bundles", self._bundle),
            ("POST", "/_ctl/accounts", self._account),
            ("POST", "/_ctl/late_commit", self._late_commit),
            ("POST", "/_ctl/barred", self._bar),
            ("POST", "/_ctl/termination", self._termination),
        ]
        routes: list[BaseRoute] = [Route(path, self._json(act), methods=[method]) for method, path, act in table]
        return [*routes, Route("/_ctl/calls", self._call, methods=["POST"])]

    async def _call(self, request: Request) -> Response:
        try:
            return JSONResponse(await dial(self._app.ledger, json.loads(await request.body())))
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)

    @staticmethod
    def _json(act: Callable[[dict[str, Any]], Any]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            try:
                return JSONResponse(act(json.loads(await request.body() or b"{}")))
            except (ValueError, KeyError, TypeError) as error:
                return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
            except Refusal as refusal:
                return JSONResponse({"error": refusal.message}, status_code=400)

        return endpoint

    def _owner(self, body: dict[str, Any]) -> str:
        sid = body.get("account_sid", self._app.ledger.main.sid)
        return self._app.ledger.accounts[sid].sid

    def _state(self, body: dict[str, Any]) -> Any:
        ledger = self._app.ledger
        return {
            "accounts": [
                {"sid": a.sid, "friendly_name": a.name, "status": a.status, "owner_account_sid": a.owner}
                for a in ledger.accounts.values()
            ],
            "numbers": [
                {
                    "sid": n.sid,
                    "account_sid": n.account,
                    "e164": n.e164,
                    "label": n.fields["friendly_name"],
                    "trunk_sid": n.trunk_sid,
                    "voice_url": n.fields["voice_url"],
                    "voice_application_sid": n.application_sid,
                    "bundle_sid": n.bundle_sid,
                    "address_sid": n.address_sid,
                }
                for n in ledger.numbers.values()
            ],
            "trunks": [
                {
                    **{
                        name: value
                        for name, value in vars(t).items()
                        if name not in ("origination", "created", "account")
                    },
                    "account_sid": t.account,
                    "origination": [vars(url) for url in t.origination.values()],
                }
                for t in ledger.trunks.values()
            ],
            "credential_lists": [
                {
                    "sid": held.sid,
                    "account_sid": held.account,
                    "friendly_name": held.friendly_name,
                    "usernames": [row.username for row in held.credentials.values()],
                }
                for held in ledger.credential_lists.values()
            ],
            "sales": [vars(sale) for sale in ledger.sales],
            "taken": sorted(ledger.taken),
            "released": sorted(ledger.released),
        }

    def _seed(self, body: dict[str, Any]) -> Any:
        ledger, e164 = self._app.ledger, str(body["e164"])
        form = {"FriendlyName": str(body.get("label", "")), "VoiceUrl": str(body.get("voice_url", ""))}
        routing = {"TrunkSid": body.get("trunk_sid", ""), "VoiceApplicationSid": body.get("voice_application_sid", "")}
        if any(row.e164 == e164 for row in ledger.numbers.values()):
            raise ValueError("that number is owned already")
        capabilities = frozenset(body.get("capabilities", ("voice", "sms")))
        block = Block(e164, 0, 0, capabilities=capabilities)
        offer = ledger.stock.get(e164) or Offer(e164, "", "local", block, "none", bundle=False)
        if "capabilities" in body:
            offer = Offer(e164, offer.country, offer.kind, block, offer.address, offer.bundle)
        row = ledger.give(self._owner(body), offer, form)
        ledger.route(row, {name: str(value) for name, value in routing.items() if value})
        return {"sid": row.sid}

    def _take(self, body: dict[str, Any]) -> Any:
        self._app.ledger.taken.add(str(body["e164"]))
        return {"taken": len(self._app.ledger.taken)}

    def _bundle(self, body: dict[str, Any]) -> Any:
        ledger, country, kind = self._app.ledger, str(body["country"]), body["kind"]
        row = BundleRow(
            sid=ledger.new_sid("BU"),
            account=self._owner(body),
            regulation_sid=regulation_sid(country, kind, "business"),
            country=country,
            kind=kind,
            status=body.get("status", "twilio-approved"),
        )
        ledger.bundles[row.sid] = row
        return {"sid": row.sid}

    def _account(self, body: dict[str, Any]) -> Any:
        row = self._app.ledger.accounts[self._owner(body)]
        row.status = str(body["status"])
        return {"status": row.status}

    def _bar(self, body: dict[str, Any]) -> Any:
        self._app.ledger.barred = tuple(str(prefix) for prefix in body["prefixes"])
        return {"barred": len(self._app.ledger.barred)}

    def _termination(self, body: dict[str, Any]) -> Any:
        ledger = self._app.ledger
        if "password" in body:
            right = is_right(ledger, str(body["domain"]), str(body["username"]), str(body["password"]))
            return {"status": 200 if right else 403, "why": "" if right else "sign-in"}
        status, why = admit(ledger, Wanted.of(body))
        return {"status": status, "why": why}

    def _late_commit(self, body: dict[str, Any]) -> Any:
        self._app.lose_next_purchase(float(body.get("delay_ms", 1_000)) / 1000)
        return {"armed": True}
