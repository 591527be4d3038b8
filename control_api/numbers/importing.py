"""Numbers that an owner brings: from their own Twilio account, or on a SIP trunk of their own.

Where an imported number's calls go now is shown before it is taken over, and put back when it is released. A number on an
owner's own trunk can't be looked up at a carrier: docs/decisions/0020.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from uuid import UUID, uuid5

import phonenumbers
from pydantic import SecretStr

from control_api.errors import FieldProblem, InvalidRequest
from control_api.numbers import carrier_schemas as seen
from control_api.numbers.accounts import Accounts
from control_api.numbers.carrier import Carrier, CarrierCredentials, OwnedNumber
from control_api.numbers.carrier_schemas import (
    ImportableNumber,
    ImportableNumbers,
    ImportCreate,
    SipTrunkCreate,
    SipTrunkMade,
    TwilioConnect,
    TwilioConnected,
    carrier_seen,
)
from control_api.numbers.errors import (
    CarrierNotFound,
    NumberNotInAccount,
    NumberWithoutVoice,
    TakeoverUnconfirmed,
    in_words,
    problem_of,
)
from control_api.numbers.repository import MOST_NUMBERS, NumberRepository
from control_api.numbers.schemas import Purchase, Routing, purchase_seen
from control_api.numbers.service import NumberService
from control_api.numbers.words import routing_words, takeover_words
from control_api.outgoing import is_allowed
from control_api.principal import Principal
from store.vault import preview


@dataclass(frozen=True)
class ImportService:
    """`sip_uri`: where an owner's carrier has to send its calls."""

    repository: NumberRepository
    accounts: Accounts
    numbers: NumberService
    sip_uri: str
    private_addresses: bool = False  # owners' own addresses may lead into this deployment's network

    async def carriers(self, principal: Principal) -> list[seen.Carrier]:
        return [carrier_seen(row) for row in await self.repository.find_carriers(principal)]

    async def connect(self, principal: Principal, carrier_id: UUID, wanted: TwilioConnect) -> TwilioConnected:
        """Tried at Twilio before it is kept."""
        credentials = CarrierCredentials(wanted.account_sid, wanted.auth_token)
        with in_words():
            standing = await self.accounts.at_carrier.carrier_for(credentials).verify()
        row = await self.repository.save_own_carrier(
            principal,
            carrier_id,
            account_sid=wanted.account_sid,
            sealed=self.accounts.seal(principal.tenant_id, wanted.auth_token),
            preview=preview(wanted.auth_token),
            name=wanted.name,
        )
        return TwilioConnected(**carrier_seen(row).model_dump(), trial=standing.trial)

    async def remove(self, principal: Principal, carrier_id: UUID) -> None:
        await self.repository.remove_carrier(principal, carrier_id)

    async def importable(
        self, principal: Principal, *, carrier_id: UUID | None, contains: str | None, limit: int
    ) -> ImportableNumbers:
        chosen = await self._own_account(principal, carrier_id)
        with in_words():
            found = await (await self._open(principal, chosen)).list_numbers()
        rows = await self.repository.find_numbers(principal, after=None, limit=MOST_NUMBERS)
        ours = {row["e164"] for row in rows}
        fitting = [number for number in found if contains is None or contains in number.e164]
        shown = [_importable(number, yours=number.e164 in ours) for number in fitting[:limit]]
        return ImportableNumbers(carrier_id=chosen, numbers=shown, total=len(fitting))

    async def bring(self, principal: Principal, purchase_id: UUID, wanted: ImportCreate) -> Purchase:
        """Raises the problem it failed for, the same one when asked again."""
        if await self.repository.find_purchase(principal, purchase_id) is None:
            self.numbers.require_line()
            carrier_id = await self._own_account(principal, wanted.carrier_id)
            await self._check(principal, carrier_id, wanted)
            row = {
                "e164": wanted.e164,
                "country": _country_of(wanted.e164),
                "carrier_id": str(carrier_id),
                "assistant_id": None if wanted.assistant_id is None else str(wanted.assistant_id),
                "takeover_confirmed": wanted.confirm_takeover,
            }
            with in_words():
                await self.repository.request(principal, purchase_id, "import", row)
        return await self.numbers.finished(principal, purchase_id)

    async def bring_trunk(self, principal: Principal, carrier_id: UUID, wanted: SipTrunkCreate) -> SipTrunkMade:
        """All numbers are claimed, or none; each is then led to the line. Raises if all failed there."""
        self.numbers.require_line()
        self._check_outgoing(wanted.outgoing_address)
        trunk = {
            "name": wanted.name,
            "allowed_addresses": wanted.allowed_addresses,
            "outgoing_address": wanted.outgoing_address,
            "username": wanted.username,
            "sealed_password": self._sealed(principal, wanted.password),
            "preview": "…" if wanted.password else "",
        }
        numbers = [
            {"purchase_id": str(uuid5(carrier_id, e164)), "e164": e164, "country": _country_of(e164)}
            for e164 in wanted.e164s
        ]
        with in_words():
            await self.repository.request_trunk(principal, carrier_id, trunk, numbers, assistant_id=wanted.assistant_id)
        await asyncio.gather(*(self.numbers.completer.finish(UUID(number["purchase_id"])) for number in numbers))
        rows = await self.repository.find_purchases_of(principal, carrier_id)
        if all(row["state"] == "failed" for row in rows):
            raise problem_of(rows[0]["last_error_code"], rows[0]["last_error"], carrier_id=str(carrier_id))
        carrier = carrier_seen(await self.repository.get_carrier(principal, carrier_id))
        return SipTrunkMade(carrier=carrier, sip_uri=self.sip_uri, purchases=[purchase_seen(row) for row in rows])

    def _check_outgoing(self, address: str | None) -> None:
        """A name is resolved by LiveKit, when it is rung."""
        with suppress(ValueError):
            literal = ip_address((address or "").partition(":")[0])
            if not is_allowed(literal, private=self.private_addresses):
                said = FieldProblem(
                    pointer="outgoing_address",
                    reason="this address leads into a private network",
                    advice="name your carrier's public address",
                )
                raise InvalidRequest("calls can't be sent to this address: see errors", errors=[said])

    async def _check(self, principal: Principal, carrier_id: UUID, wanted: ImportCreate) -> None:
        """Before anything is written; the saga looks again, for things may change in between."""
        with in_words():
            number = await (await self._open(principal, carrier_id)).find_number(wanted.e164)
        if number is None:
            raise NumberNotInAccount(NumberNotInAccount.example)
        if "voice" not in number.capabilities:
            raise NumberWithoutVoice(NumberWithoutVoice.example)
        if number.routing.kind != "none" and not wanted.confirm_takeover:
            raise TakeoverUnconfirmed(takeover_words(number.routing), routing=_routing(number).model_dump())

    async def _own_account(self, principal: Principal, carrier_id: UUID | None) -> UUID:
        """The one that is meant: named, or the only one. Raises CarrierNotFound, InvalidRequest."""
        rows = await self.repository.find_carriers(principal, kind="own_twilio")
        ids = [UUID(row["carrier_id"]) for row in rows]
        if carrier_id is None and len(ids) > 1:
            said = FieldProblem(
                pointer="carrier_id", reason="several are connected", advice="name one of GET /v1/carriers"
            )
            raise InvalidRequest("several Twilio accounts are connected: say which one is meant", errors=[said])
        chosen = carrier_id or (ids[0] if ids else None)
        if chosen not in ids or chosen is None:
            raise CarrierNotFound(
                "no such Twilio account is connected: connect it with POST /v1/carriers/twilio",
                reason="carrier_not_found",
            )
        return chosen

    async def _open(self, principal: Principal, carrier_id: UUID) -> Carrier:
        _, carrier = await self.accounts.open_known(principal.tenant_id, carrier_id)
        return carrier

    def _sealed(self, principal: Principal, password: SecretStr | None) -> str | None:
        return None if password is None else self.accounts.seal(principal.tenant_id, password)


def _importable(number: OwnedNumber, *, yours: bool) -> ImportableNumber:
    status = "importable" if "voice" in number.capabilities else "no_voice"
    return ImportableNumber(
        e164=number.e164,
        name=number.label,
        capabilities=sorted(number.capabilities),
        status="yours" if yours else status,
        routing=_routing(number),
        takes_over=number.routing.kind != "none",
    )


def _routing(number: OwnedNumber) -> Routing:
    kind, target = number.routing.kind, number.routing.target
    return Routing(kind=kind, target=target, words=routing_words(kind, target))


def _country_of(e164: str) -> str | None:
    """As far as the number itself tells: of +1 alone, nothing."""
    code = phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    return code if code and code.isalpha() else None
