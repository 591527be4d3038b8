"""Twilio's stand-in and carriers that talk to it through the real client, as tests want them.

Owns: deadlines that fit a test, the stand-in's controls as methods, its process for a module. Refuses: judging.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
from pydantic import SecretStr

from control_api.numbers.carrier import Carrier, CarrierCredentials
from control_api.numbers.twilio_calls import Deadlines
from control_api.numbers.twilio_carrier import TwilioAccounts
from control_api.numbers.twilio_http import Patience, TwilioHosts
from sandbox.twilio import ACCOUNT_SID, AUTH_TOKEN

LABEL = "ava:6f8d2f04-9f5e-4f2a-8a45-1c9a1e1d3a77"
SIP_URI = "sip:example.sip.livekit.cloud;transport=tcp"
WASHINGTON, DENVER, PARIS = "+12025550100", "+13035550100", "+33199000010"
CALM = Deadlines(read=8, listing=8, extras=4, write=8, settle=4, settle_gap=0.05)
HASTE = Deadlines(read=2, listing=0.4, extras=0.1, write=0.4, settle=0.25, settle_gap=0.05)
QUICK = Patience(connect=2, attempts=4, first_pause=0.02, longest_pause=0.05)
MAIN = CarrierCredentials(ACCOUNT_SID, SecretStr(AUTH_TOKEN))


@dataclass
class Twilio:
    """The stand-in at work: its controls, and carriers that talk to it."""

    url: str
    control: httpx.AsyncClient
    session: aiohttp.ClientSession

    @property
    def accounts(self) -> TwilioAccounts:
        return self.accounts_with(CALM)

    def accounts_with(self, deadlines: Deadlines, patience: Patience = QUICK) -> TwilioAccounts:
        hosts = hosts_at(self.url)
        return TwilioAccounts(self.session, hosts=hosts, deadlines=deadlines, patience=patience, page_size=3)

    @property
    def carrier(self) -> Carrier:
        return self.accounts.carrier_for(MAIN)

    @property
    def hasty(self) -> Carrier:
        """Gives up soon: for what is known to fail."""
        return self.accounts_with(HASTE).carrier_for(MAIN)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        answer = await self.control.post("/_ctl/faults", json=[{"operation": operation, "kind": kind, **more}])
        answer.raise_for_status()

    async def do(self, what: str, **body: Any) -> dict[str, Any]:
        answer = await self.control.post(f"/_ctl/{what}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def state(self) -> dict[str, Any]:
        return (await self.control.get("/_ctl/state")).json()

    async def sold(self) -> list[str]:
        return [sale["e164"] for sale in (await self.state())["sales"]]

    async def seen(self, operation: str) -> int:
        log = (await self.control.get("/_ctl/log", params={"operation": operation})).json()
        return len(log["entries"])

    async def address(self, country: str) -> str:
        """An address of the account in that country."""
        form = {
            "CustomerName": "A",
            "Street": "B",
            "City": "C",
            "Region": "D",
            "PostalCode": "E",
            "IsoCountry": country,
        }
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Addresses.json"
        answer = await self.control.post(path, data=form, auth=(ACCOUNT_SID, AUTH_TOKEN))
        answer.raise_for_status()
        return answer.json()["sid"]


def hosts_at(url: str) -> TwilioHosts:
    return TwilioHosts(api=url, trunking=url, numbers=url, pricing=url)


@asynccontextmanager
async def twilio_at(url: str) -> AsyncGenerator[Twilio]:
    """The stand-in that runs at `url`, as it is at its start."""
    async with (
        httpx.AsyncClient(base_url=url, verify=False) as control,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        (await control.post("/_ctl/reset")).raise_for_status()
        yield Twilio(url, control, session)
