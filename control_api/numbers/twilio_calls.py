"""One account's calls to Twilio: a read, or a write that is looked for when its answer is lost.

Owns: the deadline of each operation, and the three ends of a write (done, refused, unknown). Refuses: which calls make an
operation (`numbers.twilio_carrier`, `numbers.twilio_trunks`).

A write is sent once. Its answer is unknown when the request may have reached Twilio and nothing usable came back: then `look`
says whether it took effect, more than once with a gap: it may take effect after the first look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.api import Api
from twilio.rest.api.v2010.account import AccountContext, AccountList
from twilio.rest.numbers import Numbers
from twilio.rest.numbers.v2.regulatory_compliance.regulation import RegulationList
from twilio.rest.pricing import Pricing
from twilio.rest.pricing.v1.phone_number.country import CountryList
from twilio.rest.trunking import Trunking
from twilio.rest.trunking.v1.trunk import TrunkList

from control_api.numbers.carrier import CarrierCredentials
from control_api.numbers.carrier_errors import (
    CarrierError,
    CarrierRefused,
    CarrierThrottled,
    CarrierUnavailable,
    CarrierUnconfirmed,
    CredentialsRefused,
)
from control_api.numbers.twilio_http import AnswerLost, NotSent, OneOperation, Patience, Refused, Throttled, TwilioHosts
from control_api.numbers.twilio_wire import WireError, to_error

_NO_ENVIRONMENT: Final = {"": ""}  # empty, the client would read the process's own
T = TypeVar("T")


@dataclass(frozen=True)
class Deadlines:
    """Seconds, for a whole operation with its pages and repeats. `settle` comes on top of `write` when an answer was lost;
    `extras` is for what a search can do without."""

    read: float = 8.0
    listing: float = 30.0
    extras: float = 3.0
    write: float = 15.0
    settle: float = 12.0
    settle_gap: float = 1.0


@dataclass(frozen=True)
class Products:
    """Twilio's resources as the client has them, under one deadline."""

    account: AccountContext
    accounts: AccountList
    trunks: TrunkList
    regulations: RegulationList
    prices: CountryList


class TwilioCalls:
    """`session` is shared and closed by whoever made it. `page_size`: rows a page of a list."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        credentials: CarrierCredentials,
        *,
        hosts: TwilioHosts,
        patience: Patience,
        deadlines: Deadlines,
        page_size: int,
    ) -> None:
        self._session = session
        self._credentials = credentials
        self._hosts = hosts
        self._patience = patience
        self.deadlines = deadlines
        self.page_size = page_size

    @property
    def account_sid(self) -> str:
        return self._credentials.account_sid

    async def read(self, call: Callable[[Products], Awaitable[T]], *, doing: str, seconds: float | None = None) -> T:
        """CarrierUnavailable: no usable answer within `seconds` (`Deadlines.read`)."""
        try:
            return await call(self._open(seconds or self.deadlines.read))
        except (NotSent, AnswerLost) as lost:
            raise CarrierUnavailable(f"Twilio did not answer in time or not at all: {doing} ({lost})") from None
        except (WireError, TwilioException, KeyError):
            # the client's exceptions quote the whole answer
            raise CarrierUnavailable(f"Twilio gave an answer that can't be read: {doing}") from None
        except Throttled as throttled:
            raise _throttled(throttled, doing) from None
        except Refused as refused:
            raise to_error(refused, doing=doing) from None

    async def write(
        self,
        call: Callable[[Products], Awaitable[T]],
        *,
        look: Callable[[], Awaitable[T | None]],
        doing: str,
        unconfirmed: type[CarrierUnconfirmed] = CarrierUnconfirmed,
    ) -> T:
        """`look`: what the write made, None while it is not to be seen; what it raises is the outcome, unless that passes."""
        try:
            return await call(self._open(self.deadlines.write))
        except NotSent as lost:
            raise CarrierUnavailable(f"Twilio can't be reached: {doing} ({lost})") from None
        except Throttled as throttled:
            raise _throttled(throttled, doing) from None
        except Refused as refused:
            raise to_error(refused, doing=doing) from None
        except (AnswerLost, WireError, TwilioException, KeyError):
            return await self._settle(
                look, unconfirmed(f"Twilio's answer was lost, and what became of it is not known: {doing}")
            )

    async def _settle(self, look: Callable[[], Awaitable[T | None]], unknown: CarrierUnconfirmed) -> T:
        """Looks until found or the budget is spent. Never found is not "not done"."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.deadlines.settle
        pause = 0.0
        while loop.time() + pause < ends:
            await asyncio.sleep(pause)
            pause = pause * 2 or self.deadlines.settle_gap
            try:
                async with asyncio.timeout_at(ends):
                    found = await look()
            except (CarrierUnavailable, CarrierThrottled, TimeoutError):
                continue
            except (CredentialsRefused, CarrierRefused) as error:
                raise unknown from error
            if found is not None:
                return found
        raise unknown

    def _open(self, seconds: float) -> Products:
        ends = asyncio.get_running_loop().time() + seconds
        http = OneOperation(self._session, hosts=self._hosts, patience=self._patience, ends=ends)
        client = Client(
            self._credentials.account_sid,
            self._credentials.auth_token.get_secret_value(),
            http_client=http,
            environment=_NO_ENVIRONMENT,
        )
        core = Api(client).v2010
        return Products(
            account=core.accounts(self.account_sid),
            accounts=core.accounts,
            trunks=Trunking(client).v1.trunks,
            regulations=Numbers(client).v2.regulatory_compliance.regulations,
            prices=Pricing(client).v1.phone_numbers.countries,
        )


def _throttled(throttled: Throttled, doing: str) -> CarrierError:
    return CarrierThrottled(
        f"Twilio is asked too much at once: {doing}; try again shortly", retry_after=throttled.retry_after
    )
