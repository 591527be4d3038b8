"""LiveKit's SIP service, one call at a time: retries, pages, and errors by who must act.

Owns: what each failure means, and what is sent again. A read, a delete and a replacement are sent again after any
passing failure; a create only when it certainly was not processed. Refuses: reaching the server
(`control_api.livekit`), and deciding what to write (`control_api.numbers.livekit_line`).
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import aiohttp
import stamina
from google.protobuf.message import DecodeError
from livekit import api
from livekit.protocol.models import Pagination
from livekit.protocol.room import ListRoomsRequest
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    CreateSIPOutboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPInboundTrunkRequest,
    ListSIPOutboundTrunkRequest,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)
from pydantic import SecretStr

from control_api.livekit import LiveKit, Send
from control_api.numbers.line_errors import (
    LineCredentialsRefused,
    LineError,
    LineRefused,
    LineThrottled,
    LineUnavailable,
    masked,
)

PAGE_SIZE: Final = 500
_ATTEMPTS = 3
_FIRST_WAIT_SECONDS = 0.05  # doubled each time, plus as much jitter
_LONGEST_WAIT_SECONDS = 1.0
_READINESS_ROOM = "ava-readiness"  # never opened: asking for one name is the cheapest question there is

T = TypeVar("T")


class GoneMeanwhile(LineRefused):
    """The trunk or rule of this id is not there any more."""

    code = "line_gone"


class AnswerLost(LineUnavailable):
    """A create was sent and its answer did not come: look before sending it again."""


class _Page(Protocol[T]):
    async def __call__(self, page: Pagination) -> list[T]: ...


class SipWire:
    """One LiveKit project; close it with `aclose`. `request_timeout` in seconds, for one request."""

    def __init__(self, url: str, api_key: str, api_secret: SecretStr, *, request_timeout: float = 5.0) -> None:
        self._livekit = LiveKit(url, api_key, api_secret, request_timeout=request_timeout)

    async def aclose(self) -> None:
        await self._livekit.aclose()

    async def trunks(self) -> list[SIPInboundTrunkInfo]:
        async def page(page: Pagination) -> list[SIPInboundTrunkInfo]:
            asked = ListSIPInboundTrunkRequest(page=page)
            return list((await self._call(lambda livekit: livekit.sip.list_inbound_trunk(asked))).items)

        return await _all_pages(page, lambda trunk: trunk.sip_trunk_id)

    async def rules(self) -> list[SIPDispatchRuleInfo]:
        async def page(page: Pagination) -> list[SIPDispatchRuleInfo]:
            asked = ListSIPDispatchRuleRequest(page=page)
            return list((await self._call(lambda livekit: livekit.sip.list_dispatch_rule(asked))).items)

        return await _all_pages(page, lambda rule: rule.sip_dispatch_rule_id)

    async def outgoing(self) -> list[SIPOutboundTrunkInfo]:
        async def page(page: Pagination) -> list[SIPOutboundTrunkInfo]:
            asked = ListSIPOutboundTrunkRequest(page=page)
            return list((await self._call(lambda livekit: livekit.sip.list_outbound_trunk(asked))).items)

        return await _all_pages(page, lambda trunk: trunk.sip_trunk_id)

    async def create_outgoing(self, trunk: SIPOutboundTrunkInfo) -> str:
        asked = CreateSIPOutboundTrunkRequest(trunk=trunk)
        made = await self._call(lambda livekit: livekit.sip.create_outbound_trunk(asked), repeatable=False)
        return made.sip_trunk_id

    async def create_trunk(self, trunk: SIPInboundTrunkInfo) -> str:
        asked = CreateSIPInboundTrunkRequest(trunk=trunk)
        made = await self._call(lambda livekit: livekit.sip.create_inbound_trunk(asked), repeatable=False)
        return made.sip_trunk_id

    async def replace_trunk(self, trunk: SIPInboundTrunkInfo) -> None:
        """Raises GoneMeanwhile."""
        await self._call(lambda livekit: livekit.sip.update_inbound_trunk(trunk.sip_trunk_id, trunk))

    async def delete_trunk(self, trunk_id: str) -> None:
        """Fine if it is not there."""
        asked = DeleteSIPTrunkRequest(sip_trunk_id=trunk_id)
        try:
            await self._call(lambda livekit: livekit.sip.delete_trunk(asked))
        except GoneMeanwhile:
            return

    async def create_rule(self, rule: SIPDispatchRuleInfo) -> str:
        asked = CreateSIPDispatchRuleRequest(dispatch_rule=rule)
        made = await self._call(lambda livekit: livekit.sip.create_dispatch_rule(asked), repeatable=False)
        return made.sip_dispatch_rule_id

    async def replace_rule(self, rule: SIPDispatchRuleInfo) -> None:
        """Raises GoneMeanwhile."""
        await self._call(lambda livekit: livekit.sip.update_dispatch_rule(rule.sip_dispatch_rule_id, rule))

    async def delete_rule(self, rule_id: str) -> None:
        """Fine if it is not there."""
        asked = DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule_id)
        try:
            await self._call(lambda livekit: livekit.sip.delete_dispatch_rule(asked))
        except GoneMeanwhile:
            return

    async def ping(self) -> None:
        asked = ListRoomsRequest(names=[_READINESS_ROOM])
        await self._call(lambda livekit: livekit.room.list_rooms(asked))

    async def _call(self, send: Send[T], *, repeatable: bool = True) -> T:
        async for attempt in stamina.retry_context(
            on=_may_repeat,
            attempts=_ATTEMPTS,
            timeout=None,  # whoever asked has a deadline for all of it
            wait_initial=_FIRST_WAIT_SECONDS,
            wait_max=_LONGEST_WAIT_SECONDS,
            wait_jitter=_FIRST_WAIT_SECONDS,
        ):
            with attempt:
                try:
                    return await self._once(send)
                except LineUnavailable as error:
                    if error.maybe_done and not repeatable:
                        raise AnswerLost(str(error)) from None
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, send: Send[T]) -> T:
        try:
            return await self._livekit.ask(send)
        except api.ServerError as error:
            raise _translated(error) from None  # its text may hold numbers, its address the project
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise LineRefused(
                "LIVEKIT_URL is not an address: write it as wss://<project>.livekit.cloud", refusal="bad_address"
            ) from None
        except DecodeError:
            raise LineRefused("what answers at LIVEKIT_URL is not LiveKit", refusal="unreadable") from None
        except aiohttp.ClientConnectorError as error:
            raise LineUnavailable(f"no connection to LiveKit: {type(error).__name__}", maybe_done=False) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LineUnavailable(f"no answer from LiveKit: {type(error).__name__}") from None


def _may_repeat(error: Exception) -> bool:
    return isinstance(error, LineUnavailable | LineThrottled) and not isinstance(error, AnswerLost)


async def _all_pages(page: _Page[T], identity: Callable[[T], str]) -> list[T]:
    """Until a page brings nothing new: servers cap a page below what was asked, and some give all at once."""
    found: dict[str, T] = {}
    after = ""
    while True:
        items = await page(Pagination(after_id=after, limit=PAGE_SIZE))
        new = {identity(item): item for item in items if identity(item) not in found}
        if not new:
            return list(found.values())
        found |= new
        after = max(found)


def _translated(error: api.ServerError) -> LineError:
    """By code and by status: what turns a request away before Twirp answers in plain text, and has no code."""
    code, status = error.code, error.status
    if status in (401, 403) or code in ("unauthenticated", "permission_denied"):
        return LineCredentialsRefused(
            f"LiveKit refused the key ({status}): check LIVEKIT_API_KEY, LIVEKIT_API_SECRET and this machine's clock"
        )
    if status == 429 or code == "resource_exhausted":
        return LineThrottled("LiveKit limits how often it is asked, or the project's quota is used up")
    if code == "not_found":
        return GoneMeanwhile("LiveKit has no trunk or rule of this id", refusal=code)
    if status == 404:
        return LineRefused("what answers at LIVEKIT_URL has no SIP service", refusal="bad_route")
    if status == 501 or code == "unimplemented":
        return LineRefused("this LiveKit server is too old for what was asked", refusal="unimplemented")
    if status >= 500 or status == 408:
        return LineUnavailable(f"LiveKit could not answer ({code}, {status}): {masked(error.message)[:200]}")
    return LineRefused(f"LiveKit refused the request ({code}): {masked(error.message)[:200]}", refusal=code)
