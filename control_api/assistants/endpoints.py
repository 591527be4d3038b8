"""Assistants over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime

from control_api.assistants.errors import AssistantNotFound, ConfigInvalid, ConfigOutdated, PresetUnknown
from control_api.assistants.schemas import (
    AssistantCreate,
    AssistantDetail,
    AssistantPatch,
    AssistantSummary,
    DuplicateRequest,
    PromptPreview,
    Publication,
    PublishRequest,
    RollbackRequest,
    Status,
    StatusRequest,
    ToolSwitches,
    Verdict,
    VersionDetail,
    VersionDiff,
    VersionSummary,
)
from control_api.assistants.service import AssistantService
from control_api.dependencies import GivenRevision, OperationId, RequiredRevision, allow, etag, provided
from control_api.errors import Conflict, PreconditionMissing, StaleVersion, documented
from control_api.idempotency import ApiRoute, creates
from control_api.paging import Cursor, Limit, Page
from control_api.principal import Principal

router = APIRouter(prefix="/v1/assistants", tags=["assistants"], route_class=ApiRoute)

Service = Annotated[AssistantService, Depends(provided(AssistantService))]
Reader = Annotated[Principal, allow("assistants:read")]
Writer = Annotated[Principal, allow("assistants:write")]
AssistantId = Annotated[UUID, Path(description="the assistant")]
Version = Annotated[int, Path(ge=1, le=2**31 - 1, description="a version's number")]


def _tagged(response: Response, detail: AssistantDetail) -> AssistantDetail:
    response.headers["etag"] = etag(detail.revision)
    return detail


@router.get("", summary="List assistants")
async def list_assistants(
    principal: Reader,
    service: Service,
    status: Annotated[Status | None, Query(description="without it: all but archived ones")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AssistantSummary]:
    """Newest first."""
    return await service.find_page(principal, status=status, cursor=cursor, limit=limit)


@router.post(
    "",
    status_code=201,
    summary="Create an assistant from a preset or a whole configuration",
    responses=documented(PresetUnknown, ConfigInvalid, Conflict),
)
@creates
async def create_assistant(
    principal: Writer, service: Service, body: AssistantCreate, operation_id: OperationId, response: Response
) -> AssistantDetail:
    """It is a draft: publish it to put it on the line."""
    detail = await service.create(principal, operation_id, body)
    response.headers["location"] = f"/v1/assistants/{detail.assistant_id}"
    return _tagged(response, detail)


@router.post("/validate", summary="Check a new assistant without making it", responses=documented(PresetUnknown))
async def validate_new_assistant(principal: Reader, service: Service, body: AssistantCreate) -> Verdict:
    """Nothing is written."""
    return await service.validate_new(body)


@router.get("/{assistant_id}", summary="Read an assistant", responses=documented(AssistantNotFound))
async def get_assistant(
    principal: Reader, service: Service, assistant_id: AssistantId, response: Response
) -> AssistantDetail:
    """With its draft's configuration. The `ETag` is what a change must send as `If-Match`."""
    return _tagged(response, await service.get(principal, assistant_id))


@router.patch(
    "/{assistant_id}",
    summary="Change an assistant's draft",
    responses=documented(AssistantNotFound, ConfigInvalid, ConfigOutdated, Conflict, StaleVersion, PreconditionMissing),
)
async def patch_assistant(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    body: AssistantPatch,
    revision: RequiredRevision,
    response: Response,
) -> AssistantDetail:
    """Writes a new version and makes it the draft. What is live stays as it is until you publish."""
    return _tagged(response, await service.patch(principal, assistant_id, body, revision=revision))


@router.put(
    "/{assistant_id}/tools",
    summary="Switch tools on and off",
    responses=documented(AssistantNotFound, ConfigInvalid, ConfigOutdated, Conflict, StaleVersion),
)
async def switch_tools(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    body: ToolSwitches,
    revision: GivenRevision,
    response: Response,
) -> AssistantDetail:
    """A new version of the draft with these tools."""
    return _tagged(response, await service.switch_tools(principal, assistant_id, body, revision=revision))


@router.post(
    "/{assistant_id}/validate",
    summary="Check a change without making it",
    responses=documented(AssistantNotFound, ConfigOutdated),
)
async def validate_assistant(
    principal: Reader, service: Service, assistant_id: AssistantId, body: AssistantPatch | None = None
) -> Verdict:
    """The draft as it is, or as `body` would make it. Nothing is written."""
    return await service.validate(principal, assistant_id, body)


@router.get(
    "/{assistant_id}/prompt",
    summary="Read what callers hear first and what the model is told",
    responses=documented(AssistantNotFound, ConfigOutdated),
)
async def preview_prompt(
    principal: Reader,
    service: Service,
    assistant_id: AssistantId,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="without it: the draft")] = None,
    at: Annotated[AwareDatetime | None, Query(description="at this moment; without it: now")] = None,
) -> PromptPreview:
    """As it would be at that moment: open or closed, the day, the notice."""
    moment: datetime | None = at
    return await service.preview(principal, assistant_id, version=version, at=moment)


@router.post(
    "/{assistant_id}/publish",
    summary="Put a version on the line",
    responses=documented(AssistantNotFound, ConfigInvalid, ConfigOutdated, Conflict, StaleVersion),
)
async def publish_assistant(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    revision: GivenRevision,
    response: Response,
    body: PublishRequest | None = None,
) -> AssistantDetail:
    """The next call has it; calls in progress keep theirs."""
    version = body.version if body else None
    return _tagged(response, await service.publish(principal, assistant_id, version=version, revision=revision))


@router.post(
    "/{assistant_id}/rollback",
    summary="Put back what was live before",
    responses=documented(AssistantNotFound, ConfigOutdated, Conflict, StaleVersion),
)
async def roll_back_assistant(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    revision: GivenRevision,
    response: Response,
    body: RollbackRequest | None = None,
) -> AssistantDetail:
    """The draft stays as it is."""
    version = body.version if body else None
    return _tagged(response, await service.roll_back(principal, assistant_id, version=version, revision=revision))


@router.put(
    "/{assistant_id}/status",
    summary="Pause, resume, archive or restore",
    responses=documented(AssistantNotFound, Conflict, StaleVersion),
)
async def set_assistant_status(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    body: StatusRequest,
    revision: GivenRevision,
    response: Response,
) -> AssistantDetail:
    """A paused assistant tells callers so. An archived one keeps its calls and answers no number."""
    return _tagged(response, await service.set_status(principal, assistant_id, body.status, revision=revision))


@router.post(
    "/{assistant_id}/duplicate",
    status_code=201,
    summary="Copy an assistant's draft into a new assistant",
    responses=documented(AssistantNotFound, ConfigOutdated, Conflict),
)
@creates
async def duplicate_assistant(
    principal: Writer,
    service: Service,
    assistant_id: AssistantId,
    operation_id: OperationId,
    response: Response,
    body: DuplicateRequest | None = None,
) -> AssistantDetail:
    """Numbers and calendar stay with the original."""
    detail = await service.duplicate(principal, assistant_id, operation_id, name=body.name if body else None)
    response.headers["location"] = f"/v1/assistants/{detail.assistant_id}"
    return _tagged(response, detail)


@router.get("/{assistant_id}/versions", summary="List versions", responses=documented(AssistantNotFound))
async def list_versions(
    principal: Reader,
    service: Service,
    assistant_id: AssistantId,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="only versions before this one")] = None,
    limit: Limit = 50,
) -> list[VersionSummary]:
    """Newest first; read on with `before` set to the last number."""
    return await service.versions(principal, assistant_id, before=before, limit=limit)


@router.get("/{assistant_id}/versions/{version}", summary="Read a version", responses=documented(AssistantNotFound))
async def get_version(
    principal: Reader, service: Service, assistant_id: AssistantId, version: Version
) -> VersionDetail:
    """A version never changes."""
    return await service.version(principal, assistant_id, version)


@router.get("/{assistant_id}/diff", summary="Compare two versions", responses=documented(AssistantNotFound))
async def diff_versions(
    principal: Reader,
    service: Service,
    assistant_id: AssistantId,
    before: Annotated[int, Query(ge=1, le=2**31 - 1)],
    after: Annotated[int, Query(ge=1, le=2**31 - 1)],
) -> VersionDiff:
    """Field by field; lists as a whole."""
    return await service.diff(principal, assistant_id, before=before, after=after)


@router.get("/{assistant_id}/publications", summary="List what was live when", responses=documented(AssistantNotFound))
async def list_publications(
    principal: Reader, service: Service, assistant_id: AssistantId, limit: Limit = 50
) -> list[Publication]:
    """Newest first."""
    return await service.publications(principal, assistant_id, limit=limit)
