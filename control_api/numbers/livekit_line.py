"""The line, on LiveKit: one inbound trunk and one dispatch rule per number, and one outbound trunk where calls go out from
it; found by label, made once.

Owns: the order of the steps and what happens when one of them is lost, refused or overtaken. Refuses: retries, pages
and the meaning of LiveKit's errors (`control_api.numbers.livekit_wire`), and what a trunk looks like
(`control_api.numbers.livekit_shapes`).

A create has no idempotency key. What makes it safe to send again is that LiveKit refuses a second trunk for a number
and a second rule for a trunk; so after a lost answer or a refusal everything is looked up, and what is there is adopted.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import stamina
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo
from pydantic import SecretStr

from control_api.numbers.line import (
    LABEL_PREFIX,
    DigestAuth,
    ForeignTrunk,
    FoundRoutes,
    Line,
    Route,
    WayOut,
    parse_source,
)
from control_api.numbers.line_errors import LineRefused, LineUnavailable, NumberRoutedElsewhere
from control_api.numbers.livekit_shapes import (
    Wanted,
    identity_of,
    in_the_way,
    label_of,
    leads_out_alike,
    outgoing_as,
    route_of,
    rule_as,
    takes,
    trunk_as,
)
from control_api.numbers.livekit_wire import AnswerLost, SipWire

_LOOKS = 3  # at what is there, for one trunk or rule whose making went unanswered
_WAIT_SECONDS = 0.1  # before the second look; then twice that; plus as much jitter

Item = TypeVar("Item", SIPInboundTrunkInfo, SIPDispatchRuleInfo, SIPOutboundTrunkInfo)


class LiveKitLine(Line):
    """Over one LiveKit project; close it with `aclose`.

    ``deadline`` (seconds) bounds each operation, ``request_timeout`` each request in it. Deployments that share a
    project need different ``label_prefix``es, or each takes the other's routes for its own leftovers.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: SecretStr,
        *,
        deadline: float = 15.0,
        request_timeout: float = 5.0,
        label_prefix: str = LABEL_PREFIX,
    ) -> None:
        self._wire = SipWire(url, api_key, api_secret, request_timeout=request_timeout)
        self._deadline = deadline
        self._prefix = label_prefix

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def ping(self) -> None:
        async with self._in_time():
            await self._wire.ping()

    async def ensure_route(
        self,
        e164: str,
        *,
        label: str,
        agent_name: str,
        metadata: Mapping[str, str],
        allowed_addresses: Collection[str] = (),
        auth: DigestAuth | None = None,
        outgoing: WayOut | None = None,
    ) -> Route:
        wanted = Wanted(
            e164=e164,
            label=self._checked(label),
            agent_name=agent_name,
            job_metadata=json.dumps({**metadata, "dialed": e164}, sort_keys=True),
            allowed_addresses=tuple(sorted({parse_source(address) for address in allowed_addresses})),
            auth=auth,
        )
        async with self._in_time():
            trunk_id = await _settled(lambda: self._settle_trunk(wanted))
            rule_id = await _settled(lambda: self._settle_rule(wanted, trunk_id))
            if outgoing is not None:
                await _settled(lambda: self._settle_outgoing(wanted, outgoing))
        return Route(trunk_id, rule_id)

    async def drop_route(self, e164: str, *, label: str) -> None:
        # the label alone says what is ours: a trunk that takes e164 without it belongs to somebody else
        self._checked(label)
        async with self._in_time():
            for rule in self._ours(await self._wire.rules(), label):
                await self._wire.delete_rule(identity_of(rule))
            for trunk in self._ours(await self._wire.trunks(), label):
                await self._wire.delete_trunk(identity_of(trunk))
            for way_out in self._ours(await self._wire.outgoing(), label):
                await self._wire.delete_trunk(identity_of(way_out))

    async def find_routes(self, *, numbers: Collection[str] = ()) -> FoundRoutes:
        async with self._in_time():
            trunks, rules, outgoing = await self._wire.trunks(), await self._wire.rules(), await self._wire.outgoing()
        trunks_of, rules_of, out_of = self._by_label(trunks), self._by_label(rules), self._by_label(outgoing)
        return FoundRoutes(
            ours=tuple(
                route_of(label, trunks_of.get(label, []), rules_of.get(label, []), out_of.get(label, []))
                for label in sorted(trunks_of.keys() | rules_of.keys() | out_of.keys())
            ),
            foreign=tuple(
                ForeignTrunk(trunk.sip_trunk_id, trunk.name, tuple(trunk.numbers))
                for trunk in trunks
                if label_of(trunk, prefix=self._prefix) is None and takes(trunk, numbers)
            ),
        )

    async def _settle_trunk(self, wanted: Wanted) -> str:
        trunks = await self._wire.trunks()
        ours = sorted(self._ours(trunks, wanted.label), key=lambda t: (not takes(t, [wanted.e164]), identity_of(t)))
        keep = ours[0] if ours else None
        right = trunk_as(wanted, keep)
        for spare in ours[1:]:
            await self._wire.delete_trunk(identity_of(spare))
        if keep == right:
            return identity_of(right)
        if keep is None or not takes(keep, [wanted.e164]):
            for other in trunks:
                if takes(other, [wanted.e164]):
                    raise NumberRoutedElsewhere("trunk", identity_of(other), other.name)
        if keep is None:
            return await self._wire.create_trunk(right)
        await self._wire.replace_trunk(right)
        return identity_of(right)

    async def _settle_rule(self, wanted: Wanted, trunk_id: str) -> str:
        rules = await self._wire.rules()
        ours = sorted(self._ours(rules, wanted.label), key=lambda r: (trunk_id not in r.trunk_ids, identity_of(r)))
        keep = ours[0] if ours else None
        right = rule_as(wanted, trunk_id, keep)
        for spare in ours[1:]:
            await self._wire.delete_rule(identity_of(spare))
        if keep == right:
            return identity_of(right)
        for other in rules:
            if in_the_way(other, trunk_id) and other not in ours:
                raise NumberRoutedElsewhere("dispatch rule", identity_of(other), other.name)
        if keep is None:
            return await self._wire.create_rule(right)
        await self._wire.replace_rule(right)
        return identity_of(right)

    async def _settle_outgoing(self, wanted: Wanted, out: WayOut) -> str:
        """LiveKit takes two for one number. A create whose answer was lost may turn up later: it is a spare next time."""
        right = outgoing_as(wanted, out)
        ours = sorted(self._ours(await self._wire.outgoing(), wanted.label), key=identity_of)
        keep = next((trunk for trunk in ours if leads_out_alike(trunk, right, encrypted=out.encrypted)), None)
        kept = identity_of(keep) if keep is not None else await self._wire.create_outgoing(right)
        for spare in ours:
            if spare is not keep:
                await self._wire.delete_trunk(identity_of(spare))
        return kept

    def _by_label(self, items: list[Item]) -> dict[str, list[Item]]:
        grouped: dict[str, list[Item]] = {}
        for item in items:
            if (label := label_of(item, prefix=self._prefix)) is not None:
                grouped.setdefault(label, []).append(item)
        return grouped

    def _ours(self, items: list[Item], label: str) -> list[Item]:
        return [item for item in items if label_of(item, prefix=self._prefix) == label]

    def _checked(self, label: str) -> str:
        if not label.startswith(self._prefix):
            raise ValueError(f"a label of this line begins with {self._prefix}")
        return label

    @asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except TimeoutError:
            raise LineUnavailable(f"LiveKit took longer than {self._deadline:g} s") from None


async def _settled(settle: Callable[[], Awaitable[str]]) -> str:
    """``settle`` looks and writes once. After a lost answer it looks again; after a refusal too, but only once.

    A refusal can mean that somebody was quicker: another of us with the same label, or our own request arriving late.
    """
    async for attempt in stamina.retry_context(
        on=AnswerLost, attempts=_LOOKS, timeout=None, wait_initial=_WAIT_SECONDS, wait_jitter=_WAIT_SECONDS
    ):
        with attempt:
            try:
                return await settle()
            except LineRefused:
                return await settle()
    raise AssertionError("the last attempt returns or raises")
