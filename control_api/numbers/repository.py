"""Numbers in the database as their owner sees them: one method, one query or one SQL function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from control_api.numbers.errors import CarrierNotFound, NumberNotFound, PurchaseNotFound
from control_api.paging import After
from control_api.principal import Principal
from store.session import Session, Sessions

_PURCHASE = (
    "purchase_id,source,state,e164,country,kind,capabilities,carrier_id,assistant_id,address_sid,bundle_sid,"
    "previous_routing,monthly_price,currency,attempts,last_error_code,last_error,next_attempt_at,created_by,created_at,"
    "updated_at,activated_at,released_at,revision"
)
_NUMBER = (
    "number_id,e164,assistant_id,purchase_id,source,state,country,kind,capabilities,carrier_id,previous_routing,"
    "monthly_price,currency,last_error_code,last_error,answers,created_at,activated_at,fallback,revision"
)
_CARRIER = (
    "carrier_id,kind,name,account_sid,preview,allowed_addresses,sip_username,outgoing_address"
    ",created_by,created_at,updated_at"
)
MOST_NUMBERS = 1000
Row = dict[str, Any]


@dataclass(frozen=True)
class NumberRepository:
    sessions: Sessions

    async def find_numbers(self, principal: Principal, *, after: After | None, limit: int) -> list[Row]:
        session = self._session(principal)
        query = session.table("numbers").select(_NUMBER).eq("tenant_id", str(principal.tenant_id))
        if after is not None:
            query = query.or_(after.filter("created_at", "number_id"))
        query = query.order("created_at", desc=True).order("number_id", desc=True).limit(limit)
        return await session.read(query)

    async def get_number(self, principal: Principal, e164: str) -> Row:
        """Raises NumberNotFound."""
        session = self._session(principal)
        query = (
            session.table("numbers").select(_NUMBER).eq("tenant_id", str(principal.tenant_id)).eq("e164", e164).limit(1)
        )
        rows = await session.read(query)
        if not rows:
            raise NumberNotFound("you have no such number", reason="number_not_found")
        return rows[0]

    async def find_purchases(
        self, principal: Principal, *, state: str | None, after: After | None, limit: int
    ) -> list[Row]:
        session = self._session(principal)
        query = session.table("number_purchases").select(_PURCHASE).eq("tenant_id", str(principal.tenant_id))
        query = query if state is None else query.eq("state", state)
        if after is not None:
            query = query.or_(after.filter("created_at", "purchase_id"))
        query = query.order("created_at", desc=True).order("purchase_id", desc=True).limit(limit)
        return await session.read(query)

    async def find_purchase(self, principal: Principal, purchase_id: UUID) -> Row | None:
        session = self._session(principal)
        query = (
            session.table("number_purchases")
            .select(_PURCHASE)
            .eq("tenant_id", str(principal.tenant_id))
            .eq("purchase_id", str(purchase_id))
        )
        rows = await session.read(query)
        return rows[0] if rows else None

    async def get_purchase(self, principal: Principal, purchase_id: UUID) -> Row:
        """Raises PurchaseNotFound."""
        row = await self.find_purchase(principal, purchase_id)
        if row is None:
            raise PurchaseNotFound("there is no such purchase", reason="purchase_not_found")
        return row

    async def find_purchases_of(self, principal: Principal, carrier_id: UUID) -> list[Row]:
        session = self._session(principal)
        query = (
            session.table("number_purchases")
            .select(_PURCHASE)
            .eq("tenant_id", str(principal.tenant_id))
            .eq("carrier_id", str(carrier_id))
        )
        return await session.read(query.order("e164").limit(MOST_NUMBERS))

    async def request(self, principal: Principal, purchase_id: UUID, source: str, wanted: Mapping[str, Any]) -> Row:
        session = self._session(principal)
        return await session.call(
            "request_number_v1",
            p_tenant_id=str(principal.tenant_id),
            p_purchase_id=str(purchase_id),
            p_source=source,
            p_wanted=dict(wanted),
            p_on_behalf_of=session.on_behalf_of,
        )

    async def request_trunk(
        self,
        principal: Principal,
        carrier_id: UUID,
        trunk: Mapping[str, Any],
        numbers: Sequence[Mapping[str, Any]],
        *,
        assistant_id: UUID | None,
    ) -> None:
        session = self._session(principal)
        await session.call(
            "request_sip_trunk_v2",
            p_tenant_id=str(principal.tenant_id),
            p_carrier_id=str(carrier_id),
            p_trunk=dict(trunk),
            p_numbers=[dict(number) for number in numbers],
            p_assistant_id=None if assistant_id is None else str(assistant_id),
            p_on_behalf_of=session.on_behalf_of,
        )

    async def set_fallback(
        self, principal: Principal, e164: str, chosen: Mapping[str, Any] | None, *, revision: int | None
    ) -> Row:
        return await self._session(principal).call(
            "set_number_fallback_v1",
            p_tenant_id=str(principal.tenant_id),
            p_e164=e164,
            p_expected_revision=revision,
            p_fallback=None if chosen is None else dict(chosen),
        )

    async def assign(self, principal: Principal, e164: str, assistant_id: UUID) -> Row:
        return await self._session(principal).call(
            "assign_number_v1",
            p_tenant_id=str(principal.tenant_id),
            p_e164=e164,
            p_assistant_id=str(assistant_id),
        )

    async def unassign(self, principal: Principal, e164: str) -> Row:
        return await self._session(principal).call(
            "unassign_number_v1", p_tenant_id=str(principal.tenant_id), p_e164=e164
        )

    async def release(self, principal: Principal, e164: str) -> Row:
        return await self._session(principal).call(
            "release_number_v1", p_tenant_id=str(principal.tenant_id), p_e164=e164
        )

    async def cost_alert(self, principal: Principal) -> str | None:
        """A month's numbers may cost this much before the owner is told."""
        session = self._session(principal)
        query = session.table("tenants").select("number_cost_alert").eq("tenant_id", str(principal.tenant_id))
        rows = await session.read(query)
        alert = rows[0]["number_cost_alert"] if rows else None
        return None if alert is None else str(alert)

    async def find_carriers(self, principal: Principal, *, kind: str | None = None) -> list[Row]:
        session = self._session(principal)
        query = session.table("carrier_accounts").select(_CARRIER).eq("tenant_id", str(principal.tenant_id))
        query = query.is_("removed_at", "null")
        query = query if kind is None else query.eq("kind", kind)
        return await session.read(query.order("created_at", desc=True).limit(MOST_NUMBERS))

    async def get_carrier(self, principal: Principal, carrier_id: UUID) -> Row:
        """Raises CarrierNotFound."""
        found = await self.find_carriers(principal)
        for row in found:
            if row["carrier_id"] == str(carrier_id):
                return row
        raise CarrierNotFound("there is no such carrier account", reason="carrier_not_found")

    async def save_own_carrier(
        self, principal: Principal, carrier_id: UUID, *, account_sid: str, sealed: str, preview: str, name: str
    ) -> Row:
        session = self._session(principal)
        return await session.call(
            "save_own_carrier_v1",
            p_tenant_id=str(principal.tenant_id),
            p_carrier_id=str(carrier_id),
            p_account_sid=account_sid,
            p_sealed_secret=sealed,
            p_preview=preview,
            p_name=name,
            p_on_behalf_of=session.on_behalf_of,
        )

    async def remove_carrier(self, principal: Principal, carrier_id: UUID) -> None:
        await self._session(principal).call(
            "remove_carrier_v1", p_tenant_id=str(principal.tenant_id), p_carrier_id=str(carrier_id)
        )

    def _session(self, principal: Principal) -> Session:
        return self.sessions.open(principal.access)
