"""The control plane, composed: the only place where adapters are named and clients are made.

`create_app(settings)` gives the ASGI app; everything it holds is opened when it starts and closed when it stops.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

import httpx
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from control_api.adapters import AssistantsForCalendars, AssistantsForWebCalls, VoicesForAssistants
from control_api.assistants import endpoints as assistants
from control_api.assistants.repository import AssistantRepository
from control_api.assistants.service import AssistantService
from control_api.auth import TokenVerifier
from control_api.calendars import endpoints as calendars
from control_api.calendars.calcom import CalComAccounts
from control_api.calendars.repository import CalendarRepository
from control_api.calendars.service import CalendarService
from control_api.calls import endpoints as calls
from control_api.calls.recordings import Recordings
from control_api.calls.repository import CallRepository
from control_api.calls.retention import LOOK_EVERY, PURGE_EVERY, REMOVE_EVERY, Bell
from control_api.calls.service import LOST_EVERY, CallService
from control_api.credit import TenantCredit
from control_api.docs_page import add_docs
from control_api.edge import Edge
from control_api.forlorn import letting_go
from control_api.health import endpoints as health
from control_api.health.service import Dependency, HealthService
from control_api.issuers import IssuerPolicy
from control_api.members import endpoints as members
from control_api.members.repository import MemberRepository
from control_api.members.service import MemberService
from control_api.metrics import Metrics
from control_api.numbers import carrier_endpoints as carriers
from control_api.numbers import endpoints as numbers
from control_api.numbers import unanswered_endpoints as unanswered
from control_api.numbers.assembly import Numbers, Parts, assemble
from control_api.numbers.carrier import CarrierCredentials
from control_api.numbers.completer import Completer
from control_api.numbers.importing import ImportService
from control_api.numbers.ledger import Ledger
from control_api.numbers.livekit_legs import LiveKitLegs
from control_api.numbers.livekit_line import LiveKitLine
from control_api.numbers.reconcile import Reconciler, Report
from control_api.numbers.repository import NumberRepository
from control_api.numbers.service import NumberService
from control_api.numbers.steps import LineTarget
from control_api.numbers.stranded import Outcome, StrandedCalls
from control_api.numbers.stranded_duties import StrandedDuties
from control_api.numbers.twilio_carrier import open_twilio_accounts
from control_api.numbers.twilio_http import TwilioHosts
from control_api.numbers.twilio_recovery import TwilioRecovery
from control_api.numbers.unanswered import UnansweredService
from control_api.onboarding import endpoints as onboarding
from control_api.onboarding.repository import OnboardingRepository
from control_api.onboarding.service import OnboardingService
from control_api.openapi import document
from control_api.outgoing import guarded_client
from control_api.planned_calls import endpoints as planned_calls
from control_api.planned_calls.dispatcher import Dispatcher, Pace
from control_api.planned_calls.livekit_dialer import LiveKitDialer
from control_api.planned_calls.repository import DialingRepository, PlannedCallRepository
from control_api.planned_calls.service import PlannedCallService
from control_api.presets import endpoints as presets
from control_api.presets.service import PresetService
from control_api.presets.shelf import Shelf
from control_api.rate_limits import Allowance, RateLimits
from control_api.rounds import rounds
from control_api.settings import Settings
from control_api.sign_in import Doorkeeper
from control_api.translation import translate_errors
from control_api.try_page import add_try
from control_api.voices import endpoints as voices
from control_api.voices.elevenlabs import ElevenLabsLibrary
from control_api.voices.previews import PreviewShelf
from control_api.voices.service import VoiceService
from control_api.web_calls import endpoints as web_calls
from control_api.web_calls.livekit_rooms import LiveKitRooms
from control_api.web_calls.service import WebCallService
from control_api.webhooks import endpoints as webhooks
from control_api.webhooks.repository import LegRepository
from control_api.webhooks.service import LineEventService
from store.recordings.shelf import open_shelf
from store.session import Sessions, open_sessions
from store.vault import Vault

_HTTP = httpx.Timeout(10.0, connect=3.0)
_PREVIEW_BYTES = 32 * 1024 * 1024
_CORS_HEADERS = ["authorization", "content-type", "if-match", "idempotency-key", "ava-tenant", "x-request-id"]
_CORS_EXPOSED = [
    "etag", "location", "x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "idempotency-replayed",
]  # fmt: skip

Provided = dict[type[Any], Any]
Clock = Callable[[], datetime]
Told = Callable[[Outcome], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def _policies(settings: Settings) -> list[IssuerPolicy]:
    auth_url = settings.supabase_auth_url or settings.supabase_url
    policies = [IssuerPolicy.supabase(str(auth_url), secret=settings.supabase_jwt_secret)]
    if settings.clerk_issuer is not None:
        policies.append(IssuerPolicy.clerk(str(settings.clerk_issuer), authorized_parties=settings.authorized_parties))
    return policies


def _cal_regions(settings: Settings) -> dict[Literal["us", "eu"], str]:
    return {"us": str(settings.cal_us_base_url).rstrip("/"), "eu": str(settings.cal_eu_base_url).rstrip("/")}


def _calendars(
    settings: Settings, accounts: CalComAccounts, provided: Provided, clock: Callable[[], datetime]
) -> CalendarService:
    sessions: Sessions = provided[Sessions]
    return CalendarService(
        CalendarRepository(sessions),
        AssistantsForCalendars(AssistantRepository(sessions)),
        accounts,
        provided[Vault],
        clock,
        private_addresses=settings.ava_allow_private_addresses,
    )


def _voices(settings: Settings, library: ElevenLabsLibrary) -> VoiceService:
    limit, storage = settings.ava_voice_previews_per_tenant, settings.ava_rate_limit_storage
    allowance = Allowance("voice previews", limit, storage=storage)
    return VoiceService(library, PreviewShelf(most_bytes=_PREVIEW_BYTES), allowance)


async def _calls(settings: Settings, provided: Provided, stack: AsyncExitStack, clock: Callable[[], datetime]) -> None:
    """With what forgets them while the server runs."""
    repository, bell = CallRepository(provided[Sessions]), Bell()
    shelf = open_shelf(settings.recordings)
    recordings = Recordings(repository, shelf, provided[Vault], clock, settings.ava_recording_link_seconds)
    service = CallService(repository, clock, erased=bell.ring)
    provided |= {Recordings: recordings, CallService: service}
    grace = settings.ava_lost_call_seconds
    close_lost = partial(service.close_lost, grace=grace)
    for work in (
        rounds(service.purge_expired, name="old calls", every=PURGE_EVERY),
        rounds(recordings.remove_listed, name="erased recordings", every=REMOVE_EVERY, sleep=bell.sleep),
        rounds(recordings.remove_unknown, name="unknown recordings", every=LOOK_EVERY),
        rounds(close_lost, name="lost calls", every=min(LOST_EVERY, grace / 2)),
    ):
        await stack.enter_async_context(work)
    provided[LineEventService] = LineEventService(
        LegRepository(provided[Sessions]), settings.livekit_api_key, settings.livekit_api_secret
    )


def _web_calls(settings: Settings, sessions: Sessions, clock: Callable[[], datetime]) -> WebCallService:
    url, key, secret = settings.livekit_for_browsers, settings.livekit_api_key, settings.livekit_api_secret
    rooms = LiveKitRooms(url, key, secret, agent_name=settings.ava_agent_name) if url and key and secret else None
    limit, storage = settings.ava_test_calls_per_tenant, settings.ava_rate_limit_storage
    allowance = Allowance("test calls", limit, storage=storage)
    return WebCallService(
        AssistantsForWebCalls(AssistantRepository(sessions)), TenantCredit(sessions), rooms, allowance, clock
    )


def _line(settings: Settings, stack: AsyncExitStack) -> LiveKitLine | None:
    if settings.livekit is None or not settings.livekit_sip_uri:
        return None
    line = LiveKitLine(*settings.livekit)
    stack.push_async_callback(line.aclose)
    return line


def _dispatcher(
    settings: Settings, sessions: Sessions, stack: AsyncExitStack, clock: Callable[[], datetime]
) -> Dispatcher:
    dialer = None
    if settings.livekit is not None:
        dialer = LiveKitDialer(*settings.livekit, agent_name=settings.ava_agent_name)
        stack.push_async_callback(dialer.aclose)
    pace = Pace(every=settings.ava_planned_calls_seconds, at_most=settings.ava_calls_out_at_once)
    return Dispatcher(DialingRepository(sessions), dialer, clock=clock, pace=pace)


async def _left_behind(
    settings: Settings, sessions: Sessions, stack: AsyncExitStack, clock: Clock, told: Told
) -> StrandedCalls:
    """With what ends the calls of which the database knows nothing, while the server runs."""
    duties, legs = StrandedDuties(sessions), None
    alone = letting_go(settings.livekit, agent_name=settings.ava_agent_name, in_hand=duties.is_in_hand)
    await stack.enter_async_context(alone)
    if settings.livekit is not None:
        legs = LiveKitLegs(*settings.livekit)
        stack.push_async_callback(legs.aclose)
    return StrandedCalls(duties, legs, silent=settings.ava_stranded_seconds, clock=clock, told=told)


async def _numbers(
    settings: Settings,
    provided: Provided,
    stack: AsyncExitStack,
    clock: Callable[[], datetime],
    line: LiveKitLine | None,
) -> Numbers:
    hosts = TwilioHosts(
        api=str(settings.twilio_api_base_url),
        trunking=str(settings.twilio_trunking_base_url),
        numbers=str(settings.twilio_numbers_base_url),
        pricing=str(settings.twilio_pricing_base_url),
    )
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    sessions: Sessions = provided[Sessions]
    return assemble(
        Parts(
            repository=NumberRepository(sessions),
            ledger=Ledger(sessions),
            vault=provided[Vault],
            at_carrier=await stack.enter_async_context(open_twilio_accounts(hosts=hosts)),
            platform=CarrierCredentials(sid, token) if sid and token else None,
            line=line,
            target=LineTarget(
                sip_uri=settings.livekit_sip_uri or "",
                agent_name=settings.ava_agent_name,
                standby_uri=settings.livekit_sip_uri_standby,
                public_url=settings.public_url,
            ),
            recovery=TwilioRecovery(),
            clock=clock,
            every=settings.ava_numbers_completer_seconds,
            private_addresses=settings.ava_allow_private_addresses,
        )
    )


async def reconcile_numbers(provided: Provided, *, repair: bool, tenant_id: UUID | None = None) -> Report:
    """For the command line: numbers here against carriers and the line, of all tenants or of one."""
    reconciler: Reconciler = provided[Reconciler]
    return await reconciler.reconcile(repair=repair, tenant_id=tenant_id)


@asynccontextmanager
async def compose(
    settings: Settings, dependencies: list[Dependency], *, clock: Clock = utc_now, stranded: Told = lambda _: None
) -> AsyncGenerator[Provided]:
    """Everything endpoints ask for, by type, and into `dependencies` what it stands on. Needs no outside party to be up.
    `stranded` hears what came of callers whom no worker was left for."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=_HTTP))
        sessions = open_sessions(
            str(settings.supabase_url), publishable_key=settings.publishable_key, service_key=settings.service_key
        )
        stack.push_async_callback(sessions.aclose)
        verifier = TokenVerifier(_policies(settings), http, clock)
        stack.push_async_callback(verifier.aclose)
        shelf = Shelf.read()
        doorkeeper = Doorkeeper(verifier, sessions)
        provided: Provided = {
            Sessions: sessions,
            Vault: Vault.from_keys(settings.ava_sealing_keys),
            Doorkeeper: doorkeeper,
            MemberService: MemberService(MemberRepository(sessions), doorkeeper, clock),
            PresetService: PresetService(shelf),
            OnboardingService: OnboardingService(OnboardingRepository(sessions), shelf),
        }
        library = ElevenLabsLibrary(http, base_url=str(settings.eleven_base_url), api_key=settings.eleven_api_key)
        provided[VoiceService] = _voices(settings, library)
        catalogue = VoicesForAssistants(library)
        provided[AssistantService] = AssistantService(AssistantRepository(sessions), catalogue, shelf, clock)
        guarded = await stack.enter_async_context(guarded_client(private=settings.ava_allow_private_addresses))
        provided[CalendarService] = _calendars(
            settings, CalComAccounts(http, guarded, _cal_regions(settings)), provided, clock
        )
        await _calls(settings, provided, stack, clock)
        provided[WebCallService] = _web_calls(settings, sessions, clock)
        provided[PlannedCallService] = PlannedCallService(
            PlannedCallRepository(sessions), TenantCredit(sessions), clock
        )
        provided[Dispatcher] = dispatcher = _dispatcher(settings, sessions, stack, clock)
        await stack.enter_async_context(rounds(dispatcher.purge_expired, name="old plans", every=PURGE_EVERY))
        line = _line(settings, stack)
        provided[StrandedCalls] = await _left_behind(settings, sessions, stack, clock, stranded)
        of_numbers = await _numbers(settings, provided, stack, clock, line)
        provided |= {
            NumberService: of_numbers.service,
            ImportService: of_numbers.imports,
            Reconciler: of_numbers.reconciler,
            Completer: of_numbers.completer,
            UnansweredService: of_numbers.unanswered,
        }
        dependencies.append(Dependency("database", sessions.ping, required=True))
        dependencies.append(Dependency("sign_in_keys", verifier.ping, required=False))
        if line is not None:
            dependencies.append(Dependency("line", line.ping, required=False))
        yield provided


def create_app(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    health_service, metrics = HealthService([]), Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        dependencies = health_service.dependencies
        async with compose(settings, dependencies, clock=clock, stranded=metrics.stranded) as provided:
            app.state.provided.update(provided)
            completer: Completer = provided[Completer]
            dispatcher: Dispatcher = provided[Dispatcher]
            stranded: StrandedCalls = provided[StrandedCalls]
            async with completer.running(), dispatcher.running(), stranded.running():
                yield

    app = FastAPI(
        title="AVA",
        version="1",
        summary="A receptionist you own: the control plane.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # the framework's own tracing: what it would send, and where to, is for whoever configures the process to know
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redirect_slashes=False,
        separate_input_output_schemas=True,
        generate_unique_id_function=lambda route: route.name,
    )
    limits = RateLimits(
        per_address=settings.ava_rate_limit_per_address,
        per_principal=settings.ava_rate_limit_per_principal,
        storage=settings.ava_rate_limit_storage,
    )
    app.state.provided = {Metrics: metrics, RateLimits: limits, HealthService: health_service}
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's own way of replacing it
    for router in (
        members.me,
        members.tenant,
        onboarding.router,
        presets.router,
        voices.router,
        assistants.router,
        web_calls.router,
        calendars.router,
        numbers.router,
        carriers.router,
        unanswered.router,
        calls.router,
        webhooks.router,
        planned_calls.router,
        health.router,
    ):
        app.include_router(router)
    add_docs(app)
    add_try(app, livekit_url=settings.livekit_for_browsers)
    translate_errors(app)
    _surround(app, settings, limits, metrics)
    return app


def _surround(app: FastAPI, settings: Settings, limits: RateLimits, metrics: Metrics) -> None:
    app.add_middleware(Edge, rate_limits=limits, metrics=metrics, most_bytes=settings.ava_api_max_body_kib * 1024)
    # the outermost, so that a page can read the answers of the edge, too: how long to wait, what broke
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_CORS_HEADERS,
        expose_headers=_CORS_EXPOSED,
        max_age=600,
    )
