"""Twilio behind the Carrier port.

Owns: which calls make an operation, and by what a lost write is found again. Refuses: a session of its own (one aiohttp session
is given), deadlines and lost answers (`twilio_calls`), repeats (`twilio_http`), shapes and error codes (`twilio_wire`).

Twilio has no idempotency keys. What stands in for them: a purchase names one number, which can be bought once only, and a
label; a trunk and a subaccount have their label; everything else sets a state, and setting it twice is setting it.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Unpack

import aiohttp
from pydantic import SecretStr
from twilio.base import values

from control_api.numbers import twilio_search, twilio_trunks
from control_api.numbers.carrier import (
    LABEL_LENGTH,
    AccountStanding,
    CarrierCredentials,
    EndUser,
    NumberKind,
    NumberQuery,
    OfferedNumber,
    OwnedNumber,
    Price,
    Regulation,
    Routing,
    SipTrunk,
    SubAccount,
    TrunkDrift,
    TrunkWish,
)
from control_api.numbers.carrier_errors import (
    CarrierRefused,
    CarrierThrottled,
    CarrierUnavailable,
    CredentialsRefused,
    NotFoundAtCarrier,
    NumberNotAvailable,
    NumberOwnedAlready,
    PurchaseUnconfirmed,
)
from control_api.numbers.twilio_calls import Deadlines, Products, TwilioCalls
from control_api.numbers.twilio_http import Patience, TwilioHosts
from control_api.numbers.twilio_wire import WireError, parse_owned

_PAGE: Final = 200
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[!-~]{8,128}")


class TwilioCarrier:
    """One account at Twilio. Made by `TwilioAccounts`."""

    def __init__(self, calls: TwilioCalls) -> None:
        self._calls = calls

    async def verify(self) -> AccountStanding:
        async def ask(twilio: Products) -> Any:
            return await twilio.account.fetch_async()

        row = await self._calls.read(ask, doing="checking the credentials")
        if row.status != "active":
            raise CredentialsRefused("the Twilio account is suspended or closed: see its billing in the Twilio console")
        return AccountStanding(
            account_sid=self._calls.account_sid,
            subaccount=row.owner_account_sid not in (None, self._calls.account_sid),
            trial=row.type == "Trial",
        )

    # looking for a number to buy

    async def search(self, query: NumberQuery) -> Sequence[OfferedNumber]:
        return await twilio_search.search(self._calls, query)

    async def requirements(
        self, country: str, kind: NumberKind, *, end_user: EndUser = "business"
    ) -> Sequence[Regulation]:
        return await twilio_search.requirements(self._calls, country, kind, end_user)

    async def monthly_price(self, country: str, kind: NumberKind) -> Price | None:
        return await twilio_search.monthly_price(self._calls, country, kind)

    # numbers of the account

    async def find_number(self, e164: str) -> OwnedNumber | None:
        rows = await self._owned(self._calls.deadlines.read, phone_number=e164)
        return next((row for row in rows if row.e164 == e164), None)  # Twilio's filter takes parts of a number too

    async def list_numbers(self) -> Sequence[OwnedNumber]:
        return await self._owned(self._calls.deadlines.listing)

    async def _owned(self, seconds: float, **filters: str) -> list[OwnedNumber]:
        async def ask(twilio: Products) -> list[OwnedNumber]:
            numbers: Any = twilio.account.incoming_phone_numbers
            return [parse_owned(row) for row in await numbers.list_async(**filters, page_size=self._calls.page_size)]

        return await self._calls.read(ask, doing="listing numbers", seconds=seconds)

    async def get_number(self, number_sid: str) -> OwnedNumber:
        sid = _sid("PN", number_sid)

        async def ask(twilio: Products) -> OwnedNumber:
            return parse_owned(await twilio.account.incoming_phone_numbers(sid).fetch_async())

        return await self._calls.read(ask, doing="reading a number")

    async def trunk_of(self, number_sid: str) -> str | None:
        return (await self.get_number(number_sid)).trunk_sid

    async def buy(
        self, e164: str, *, label: str, address_sid: str | None = None, bundle_sid: str | None = None
    ) -> OwnedNumber:
        _check(label)

        async def ours() -> OwnedNumber | None:
            found = await self.find_number(e164)
            if found is not None and found.label != label:
                raise NumberOwnedAlready("this Twilio account has this number already: import it instead of buying it")
            return found

        async def send(twilio: Products) -> OwnedNumber:
            row = await twilio.account.incoming_phone_numbers.create_async(
                phone_number=e164,
                friendly_name=label,
                address_sid=address_sid or values.unset,
                bundle_sid=bundle_sid or values.unset,
            )
            return parse_owned(row)

        known = await ours()
        if known is not None:
            return known
        try:
            return await self._calls.write(send, look=ours, doing="buying a number", unconfirmed=PurchaseUnconfirmed)
        except NumberOwnedAlready:
            raise
        except NumberNotAvailable:
            # an earlier, lost purchase of ours may have been made after we looked
            late = await self._after_refusal(ours)
            if late is None:
                raise
            return late

    async def _after_refusal(self, look: Callable[[], Awaitable[OwnedNumber | None]]) -> OwnedNumber | None:
        try:
            return await look()
        except (CarrierUnavailable, CarrierThrottled) as error:
            raise PurchaseUnconfirmed("the number is taken, perhaps by our own lost purchase") from error

    async def relabel(self, number_sid: str, label: str) -> OwnedNumber:
        _check(label)
        return await self._set(
            number_sid, lambda found: found.label == label, doing="renaming a number", friendly_name=label
        )

    async def release(self, number_sid: str) -> None:
        sid = _sid("PN", number_sid)

        async def send(twilio: Products) -> bool:
            return await twilio.account.incoming_phone_numbers(sid).delete_async()

        async def look() -> bool | None:
            await self.get_number(sid)
            return None

        try:
            await self._calls.write(send, look=look, doing="giving a number back")
        except NotFoundAtCarrier:
            return

    # where its calls go

    async def ensure_trunk(self, **wish: Unpack[TrunkWish]) -> SipTrunk:
        _check(wish["label"])
        return await twilio_trunks.ensure_trunk(self._calls, wish)

    async def check_trunk(self, **wish: Unpack[TrunkWish]) -> tuple[TrunkDrift, ...]:
        return await twilio_trunks.check_trunk(self._calls, wish)

    async def attach(self, number_sid: str, trunk_sid: str) -> OwnedNumber:
        trunk = _sid("TK", trunk_sid)
        return await self._set(
            number_sid, lambda found: found.trunk_sid == trunk, doing="leading a number to a trunk", trunk_sid=trunk
        )

    async def detach(self, number_sid: str) -> None:
        sid = _sid("PN", number_sid)
        try:
            trunk = await self.trunk_of(sid)
            if trunk is None:
                return

            async def send(twilio: Products) -> bool:
                return await twilio.trunks(trunk).phone_numbers(sid).delete_async()

            async def look() -> bool | None:
                return True if await self.trunk_of(sid) != trunk else None

            await self._calls.write(send, look=look, doing="taking a number off a trunk")
        except NotFoundAtCarrier:
            return

    async def restore_routing(self, number_sid: str, routing: Routing) -> OwnedNumber:
        if routing.kind == "trunk":
            return await self.attach(number_sid, routing.trunk_sid or "")
        await self.detach(number_sid)
        wanted = (None, routing.application_sid, routing.voice_url)
        return await self._set(
            number_sid,
            lambda now: (now.trunk_sid, now.routing.application_sid, now.voice_url) == wanted,
            doing="leading a number back to where it led",
            voice_application_sid=routing.application_sid or "",
            voice_url=routing.voice_url or "",
            voice_method=routing.voice_method,
            voice_fallback_url=routing.fallback_url or "",
            voice_fallback_method=routing.fallback_method,
        )

    async def _set(
        self, number_sid: str, done: Callable[[OwnedNumber], bool], *, doing: str, **fields: str
    ) -> OwnedNumber:
        sid = _sid("PN", number_sid)

        async def send(twilio: Products) -> OwnedNumber:
            context: Any = twilio.account.incoming_phone_numbers(sid)
            return parse_owned(await context.update_async(**fields))

        async def look() -> OwnedNumber | None:
            found = await self.get_number(sid)
            return found if done(found) else None

        return await self._calls.write(send, look=look, doing=doing)

    # accounts under this one

    async def open_subaccount(self, label: str) -> SubAccount:
        _check(label)

        async def send(twilio: Products) -> SubAccount:
            return _subaccount(await twilio.accounts.create_async(friendly_name=label))

        known = await self._find_subaccount(label)
        if known is not None:
            return known
        return await self._calls.write(
            send, look=lambda: self._find_subaccount(label), doing="opening an account for the business"
        )

    async def _find_subaccount(self, label: str) -> SubAccount | None:
        own = self._calls.account_sid

        async def ask(twilio: Products) -> SubAccount | None:
            rows: list[Any] = await twilio.accounts.list_async(friendly_name=label, page_size=self._calls.page_size)
            under = [row for row in rows if row.owner_account_sid == own != row.sid and row.status != "closed"]
            row = min((row for row in under if row.friendly_name == label), key=lambda row: str(row.sid), default=None)
            if row is not None and row.status != "active":
                raise CarrierRefused("the business's Twilio account is suspended: reactivate it in the Twilio console")
            return None if row is None else _subaccount(row)

        return await self._calls.read(ask, doing="looking for the business's account")


class TwilioAccounts:
    """From credentials to the account. `session` is shared, closed by whoever made it, and must keep no cookies: one account's
    would be sent with another's requests."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        hosts: TwilioHosts | None = None,
        deadlines: Deadlines | None = None,
        patience: Patience | None = None,
        page_size: int = _PAGE,
    ) -> None:
        self._session = session
        self._hosts = hosts or TwilioHosts()
        self._deadlines = deadlines or Deadlines()
        self._patience = patience or Patience()
        self._page_size = page_size

    def carrier_for(self, credentials: CarrierCredentials) -> TwilioCarrier:
        """Nothing is sent. Raises CredentialsRefused where they can't be an account's."""
        if not _ACCOUNT.fullmatch(credentials.account_sid):
            raise CredentialsRefused(
                "a Twilio Account SID is AC and 32 digits or letters a to f: copy it from the console"
            )
        if not _TOKEN.fullmatch(credentials.auth_token.get_secret_value()):
            raise CredentialsRefused("this is no Twilio Auth Token: copy it from the console, without spaces")
        calls = TwilioCalls(
            self._session,
            credentials,
            hosts=self._hosts,
            patience=self._patience,
            deadlines=self._deadlines,
            page_size=self._page_size,
        )
        return TwilioCarrier(calls)

    def domain_of(self, domain_hint: str) -> str:
        return twilio_trunks.domain_of(domain_hint)


@asynccontextmanager
async def open_twilio_accounts(
    *,
    hosts: TwilioHosts | None = None,
    deadlines: Deadlines | None = None,
    patience: Patience | None = None,
    page_size: int = _PAGE,
) -> AsyncGenerator[TwilioAccounts]:
    """`TwilioAccounts` with a session of their own, closed at the end."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield TwilioAccounts(session, hosts=hosts, deadlines=deadlines, patience=patience, page_size=page_size)


def _sid(prefix: str, text: str) -> str:
    """An id goes into a path as it is, so it has to be one."""
    if not re.fullmatch(rf"{prefix}[0-9a-fA-F]{{32}}", text):
        raise NotFoundAtCarrier("this is no id of Twilio's")
    return text


def _check(label: str) -> None:
    if not label or len(label) > LABEL_LENGTH:
        raise ValueError(f"a label has 1 to {LABEL_LENGTH} characters")


def _subaccount(row: Any) -> SubAccount:
    if not isinstance(row.auth_token, str) or not row.auth_token or not isinstance(row.sid, str):
        raise WireError("an account without its token")
    return SubAccount(row.sid, SecretStr(row.auth_token))
