"""Voices over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response

from contracts.assistant import Language
from control_api.dependencies import allow, provided
from control_api.errors import documented
from control_api.idempotency import ApiRoute
from control_api.paging import Limit, Page
from control_api.principal import Principal
from control_api.voices.errors import ModelUnsuitable, VoiceNotFound, VoiceQuotaExhausted, VoicesUnavailable
from control_api.voices.model import MODEL_ID, VOICE_ID, Gender
from control_api.voices.schemas import ModelSummary, VoiceSummary
from control_api.voices.service import VoiceService, Wanted

router = APIRouter(prefix="/v1/voices", tags=["voices"], route_class=ApiRoute)

Service = Annotated[VoiceService, Depends(provided(VoiceService))]
Reader = Annotated[Principal, allow("voices:read")]
VoiceId = Annotated[str, Path(pattern=VOICE_ID, examples=["EXAVITQu4vr4xnSDxMaL"], description="the provider's id")]
Spoken = Annotated[Language | None, Query(description="without it: the voice's own")]
# longer than other cursors: it holds a name
Cursor = Annotated[str | None, Query(max_length=1200, description="`next_cursor` of the page before")]

_KEPT = "private, max-age=86400"
_SOUND: dict[int | str, dict[str, Any]] = {
    200: {"description": "MP3", "content": {"audio/mpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "the one you have is still right"},
}


async def wanted(
    language: Annotated[Language | None, Query(description="voices for this language, native ones first")] = None,
    verified: Annotated[
        bool,
        Query(description="false: with `language`, also voices that only the model makes speak it, after the others"),
    ] = True,
    gender: Annotated[Gender | None, Query()] = None,
    search: Annotated[str, Query(max_length=100, description="words of name, description or labels; or an id")] = "",
) -> Wanted:
    return Wanted(language=language, gender=gender, search=search.strip(), verified=verified)


@router.get("", summary="List voices", responses=documented(VoicesUnavailable, VoiceQuotaExhausted))
async def list_voices(
    _: Reader,
    service: Service,
    chosen: Annotated[Wanted, Depends(wanted)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[VoiceSummary]:
    """What the provider's account has, by name."""
    return await service.find_page(chosen, cursor=cursor, limit=limit)


@router.get("/models", summary="List speech models", responses=documented(VoicesUnavailable, VoiceQuotaExhausted))
async def list_voice_models(_: Reader, service: Service) -> list[ModelSummary]:
    """With the languages each speaks: a voice speaks what its model does."""
    return await service.models()


@router.get(
    "/{voice_id}",
    summary="Read a voice",
    responses=documented(VoiceNotFound, VoicesUnavailable, VoiceQuotaExhausted),
)
async def get_voice(_: Reader, service: Service, voice_id: VoiceId) -> VoiceSummary:
    """Also one that the list does not show, if the provider knows the id."""
    return await service.get(voice_id)


@router.get(
    "/{voice_id}/preview",
    summary="Listen to a voice",
    response_class=Response,
    responses={
        **_SOUND,
        **documented(VoiceNotFound, ModelUnsuitable, VoicesUnavailable, VoiceQuotaExhausted),
    },
)
async def preview_voice(
    principal: Reader,
    service: Service,
    voice_id: VoiceId,
    language: Spoken = None,
    model: Annotated[
        str | None, Query(pattern=MODEL_ID, description="with this model; without it: whichever there is a sample of")
    ] = None,
    if_none_match: Annotated[str | None, Header(description="the `ETag` of the sound that you have")] = None,
) -> Response:
    """A sample, or a sentence spoken for you where there is none in that language: those are rationed (429)."""
    preview = await service.preview(principal, voice_id, language=language, model=model)
    headers = {"etag": f'"{preview.tag}"', "cache-control": _KEPT}
    if if_none_match is not None and preview.tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(preview.audio, media_type="audio/mpeg", headers=headers)
