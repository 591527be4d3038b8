"""The control plane's services for one command: composed as the server composes them, doing nothing on their own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from control_api.app import Provided, compose
from control_api.errors import NotFound
from control_api.principal import SCOPES, Principal
from control_api.settings import load_settings
from observing.logs import set_up
from store.session import AsService, Sessions

ACTOR = "ava command"


@asynccontextmanager
async def services() -> AsyncGenerator[Provided]:
    """By the settings of the server. Raises SettingsMissing."""
    settings = load_settings().model_copy(update={"ava_numbers_completer_seconds": 0})
    set_up(settings.ava_log_level)
    async with compose(settings, []) as provided:
        yield provided


async def service_of(provided: Provided, tenant_id: UUID) -> Principal:
    """Who runs the deployment, in one tenant. Raises NotFound."""
    sessions: Sessions = provided[Sessions]
    session = sessions.open(AsService(ACTOR))
    if not await session.read(session.table("tenants").select("tenant_id").eq("tenant_id", str(tenant_id))):
        raise NotFound("there is no such tenant", reason="tenant_not_found")
    return Principal(tenant_id, ACTOR, None, frozenset(SCOPES), session.access)
