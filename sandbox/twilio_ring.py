"""Stands for Twilio towards the telephone network: somebody dials one of its numbers, and the call goes where the number leads.

Owns: the order in which a trunk's destinations are rung (real INVITEs), which answers make Twilio try the next one, the signed
request to the disaster recovery URL when none of them took the call, and playing the TwiML that it gets.

What it cannot show: audio; how long the real Twilio rings a destination that answers 180; that it hears of a changed trunk at
once; what it sends besides the parameters here. That it goes on after no answer and after 5xx, and not after 486, is what its
users report of it.
"""

import asyncio
import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

import httpx

from sandbox.sip_caller import NOT_REACHED, ring
from sandbox.twilio_account import AccountRow, Ledger, NumberRow, TrunkRow

_PATIENCE: Final = 15.0  # seconds for TwiML
_MOST_DOCUMENTS = 10


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature, by Twilio's published rule: the address, then each parameter's name and value, in their order."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass
class Outcome:
    """What became of a call. `ended`: answered (a destination took it), hangup, busy, failed, or application_error: Twilio's
    own words where it gets no TwiML."""

    ended: str = ""
    tried: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[int] = field(default_factory=list[int])
    heard: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    dialed: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@dataclass(frozen=True)
class Dialing:
    """`dials`: what becomes of each number that TwiML dials (Twilio's DialCallStatus)."""

    account: AccountRow
    number: NumberRow
    caller: str
    forwarded_from: str | None
    dials: str

    @property
    def form(self) -> dict[str, str]:
        more = {"ForwardedFrom": self.forwarded_from} if self.forwarded_from else {}
        return {
            "CallSid": f"CA{hashlib.md5(self.caller.encode(), usedforsecurity=False).hexdigest()}",
            "AccountSid": self.account.sid,
            "From": self.caller,
            "To": self.number.e164,
            "CallStatus": "ringing",
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
            **more,
        }


async def dial(ledger: Ledger, body: Mapping[str, Any]) -> dict[str, Any]:
    """`from`, `to`; `forwarded_from`, `dials` as in `Dialing`. Raises KeyError for a number that nobody has."""
    number = next((row for row in ledger.numbers.values() if row.e164 == body["to"]), None)
    if number is None:
        raise KeyError("nobody has this number")
    call = Dialing(
        ledger.accounts[number.account],
        number,
        str(body["from"]),
        body.get("forwarded_from"),
        str(body.get("dials", "completed")),
    )
    outcome = Outcome()
    trunk = ledger.trunks.get(number.trunk_sid or "")
    if trunk is None:
        outcome.ended = "failed"
    elif not await _delivered(trunk, call, outcome):
        await _recovered(trunk, call, outcome)
    return asdict(outcome)


async def _delivered(trunk: TrunkRow, call: Dialing, outcome: Outcome) -> bool:
    """To one of the trunk's destinations, or refused by one in a way that Twilio passes on."""
    places = sorted((row for row in trunk.origination.values() if row.enabled), key=lambda row: row.priority)
    for place in places:
        status = await ring(place.sip_url, caller=call.caller, dialed=call.number.e164)
        outcome.tried.append({"sip_url": place.sip_url, "status": status})
        if status == NOT_REACHED or 500 <= status < 600:
            continue
        outcome.ended = "answered" if status < 300 else "busy" if status in (486, 600) else "failed"
        return True
    return False


async def _recovered(trunk: TrunkRow, call: Dialing, outcome: Outcome) -> None:
    url, method, form = trunk.disaster_recovery_url, trunk.disaster_recovery_method, call.form
    async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as http:
        for _ in range(_MOST_DOCUMENTS):
            text = await _fetched(http, url, method, form, call, outcome) if url else None
            try:
                document = None if text is None else ET.fromstring(text)
            except ET.ParseError:
                document = None
            if document is None or document.tag != "Response":
                outcome.ended = "application_error" if url else "failed"
                return
            action = await _played(document, call, outcome)
            if action is None:
                return
            url, method, form = urljoin(url or "", action[0]), action[1], {**call.form, "DialCallStatus": call.dials}
    outcome.ended = "application_error"


async def _fetched(
    http: httpx.AsyncClient, url: str, method: str, form: Mapping[str, str], call: Dialing, outcome: Outcome
) -> str | None:
    signed = {"x-twilio-signature": signature(call.account.token, url, form)}
    try:
        async with asyncio.timeout(_PATIENCE):
            answer = await http.request(method, url, data=dict(form), headers=signed)
    except (httpx.HTTPError, TimeoutError):
        outcome.asked.append(0)
        return None
    outcome.asked.append(answer.status_code)
    return answer.text if answer.is_success else None


async def _played(document: ET.Element, call: Dialing, outcome: Outcome) -> tuple[str, str] | None:
    """-> where Twilio asks next, and by which method; None: the call is over."""
    for verb in document:
        match verb.tag:
            case "Say":
                outcome.heard.append({"text": verb.text or "", "language": verb.get("language", "en-US")})
            case "Reject":
                outcome.ended = "busy" if verb.get("reason") == "busy" else "failed"
                return None
            case "Dial":
                for number in verb.iter("Number"):
                    shown = verb.get("callerId", call.caller)
                    ringing = {"number": number.text or "", "caller_id": shown, "timeout": verb.get("timeout", "30")}
                    outcome.dialed.append(ringing)
                if action := verb.get("action"):
                    return action, verb.get("method", "POST")
            case "Hangup":
                break
            case other:
                raise ValueError(f"a verb that this stand-in does not know: {other}")
    outcome.ended = "hangup"
    return None
