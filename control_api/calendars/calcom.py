"""Cal.com accounts for the service of calendars: the operator's two regions plainly, tenants' own addresses guarded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import httpx
from pydantic import SecretStr

from calendar_tools.calcom_account import CalComAccount
from control_api.calendars.ports import Region


@dataclass(frozen=True)
class CalComAccounts:
    """`guarded` connects to no private network; the caller closes both clients."""

    http: httpx.AsyncClient = field(repr=False)
    guarded: httpx.AsyncClient = field(repr=False)
    regions: Mapping[Literal["us", "eu"], str]

    def base_url_of(self, region: Literal["us", "eu"]) -> str:
        return self.regions[region]

    def at(self, region: Region, base_url: str, api_key: SecretStr) -> CalComAccount:
        client = self.guarded if region == "self_hosted" else self.http
        return CalComAccount(client, base_url=base_url, api_key=api_key)
