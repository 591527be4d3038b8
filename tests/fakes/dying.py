"""A process that dies: right after any one of the calls it makes outside, and from then on does nothing more.

Owns: counting the calls of a process to the database, to Twilio and to LiveKit, one by one as they leave it, and raising
`Died` after the one that was chosen: what was asked for is done, and whoever asked is gone. Refuses: judging, and cleaning up:
a dead process gives no lease and no key back.
"""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
import httpx

from control_api.app import utc_now
from control_api.numbers.assembly import Numbers, Parts, assemble
from control_api.numbers.carrier import CarrierCredentials
from control_api.numbers.importing import ImportService
from control_api.numbers.ledger import Ledger
from control_api.numbers.livekit_line import LiveKitLine
from control_api.numbers.reconcile import Reconciler
from control_api.numbers.repository import NumberRepository
from control_api.numbers.service import NumberService
from control_api.numbers.steps import LineTarget
from control_api.numbers.twilio_calls import Deadlines
from control_api.numbers.twilio_carrier import TwilioAccounts
from control_api.numbers.twilio_http import Patience, TwilioHosts
from control_api.numbers.twilio_recovery import TwilioRecovery
from store.session import Sessions, open_sessions
from store.vault import Vault
from tests.fakes.control_plane import ControlPlane

T = TypeVar("T")
HASTE = Deadlines(read=2.0, listing=2.0, extras=1.0, write=2.0, settle=0.6, settle_gap=0.05)
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all: making one takes longer than a request here
QUICK = Patience(connect=0.5, attempts=3, first_pause=0.01, longest_pause=0.05)


class Died(BaseException):
    """Not an Exception: nothing of ours may catch it."""


@dataclass
class Fate:
    """`dies_after`: the call, counted from 1, after which the process is no more; None: it lives."""

    dies_after: int | None = None
    calls: list[str] = field(default_factory=list[str])
    dead: bool = False

    async def meet(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        if self.dead:
            raise Died(name)
        done = await act()
        self.calls.append(name)
        if len(self.calls) == self.dies_after:
            self.dead = True
            raise Died(name)
        return done


class _Database(httpx.AsyncBaseTransport):
    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._inner = httpx.AsyncHTTPTransport(verify=_NO_TLS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def act() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            await answer.aread()
            return answer

        return await self._fate.meet(f"database {request.url.path.rpartition('/rest/v1/')[2]}", act)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Answer:
    """What `aiohttp.ClientSession.request` gives, until the answer is there."""

    def __init__(self, fate: Fate, name: str, inner: Any) -> None:
        self._fate, self._name, self._inner = fate, name, inner

    async def __aenter__(self) -> Any:
        try:
            return await self._fate.meet(self._name, self._inner.__aenter__)
        except Died:
            await self._inner.__aexit__(None, None, None)  # only so that the test leaves no open connection
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        return await self._inner.__aexit__(kind, error, trace)


class _Twilio:
    def __init__(self, fate: Fate, session: aiohttp.ClientSession) -> None:
        self._fate, self._session = fate, session

    def request(self, method: str, url: str, **options: Any) -> Any:
        if self._fate.dead:
            raise Died(url)
        path = url.split("?")[0].rpartition("/")[2].removesuffix(".json")
        resource = url.split("/")[-2] if any(sign.isdigit() for sign in path) else path
        return _Answer(self._fate, f"twilio {method} {resource}", self._session.request(method, url, **options))


class _LiveKit:
    """The line's wire: each of its methods is one request, or the pages of one list."""

    def __init__(self, fate: Fate, wire: Any) -> None:
        self._fate, self._wire = fate, wire

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._wire, name)
        if name == "aclose":
            return method

        async def counted(*given: Any) -> Any:
            return await self._fate.meet(f"livekit {name}", lambda: method(*given))

        return counted


@asynccontextmanager
async def process(plane: ControlPlane, fate: Fate, *, patience: float = 10.0) -> AsyncGenerator[Numbers]:
    """The noun of numbers in the plane's app, as a process of that fate has it; before and after, the plane's own."""
    settings, provided = plane.settings, plane.app.state.provided
    assert settings.twilio_account_sid is not None
    assert settings.twilio_auth_token is not None
    assert settings.livekit_url is not None
    assert settings.livekit_api_key is not None
    assert settings.livekit_api_secret is not None
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        sessions = open_sessions(
            str(settings.supabase_url),
            publishable_key=settings.publishable_key,
            service_key=settings.service_key,
            transport=_Database(fate),
        )
        stack.push_async_callback(sessions.aclose)
        line = LiveKitLine(
            settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret, request_timeout=1.0
        )
        stack.push_async_callback(line.aclose)
        vars(line)["_wire"] = _LiveKit(fate, vars(line)["_wire"])  # nothing else leaves the line
        session: Any = _Twilio(fate, http)
        hosts = TwilioHosts(**dict.fromkeys(("api", "trunking", "numbers", "pricing"), plane.urls["twilio"]))
        numbers = assemble(
            Parts(
                repository=NumberRepository(sessions),
                ledger=Ledger(sessions),
                vault=provided[Vault],
                at_carrier=TwilioAccounts(session, hosts=hosts, deadlines=HASTE, patience=QUICK),
                platform=CarrierCredentials(settings.twilio_account_sid, settings.twilio_auth_token),
                line=line,
                target=LineTarget(
                    settings.livekit_sip_uri or "",
                    settings.ava_agent_name,
                    settings.livekit_sip_uri_standby,
                    settings.public_url,
                ),
                recovery=TwilioRecovery(),
                clock=utc_now,
                every=0,
                patience=patience,
            )
        )
        ours = {
            Sessions: sessions,
            NumberService: numbers.service,
            ImportService: numbers.imports,
            Reconciler: numbers.reconciler,
        }
        before = {name: provided[name] for name in ours}
        provided.update(ours)
        try:
            yield numbers
        finally:
            provided.update(before)
