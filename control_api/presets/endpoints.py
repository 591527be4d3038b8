"""Presets over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.assistant import Industry, Language
from control_api.dependencies import allow, provided
from control_api.errors import NotFound, documented
from control_api.idempotency import ApiRoute
from control_api.presets.schemas import PresetDetail, PresetSummary
from control_api.presets.service import PresetService
from control_api.principal import Principal

router = APIRouter(prefix="/v1/presets", tags=["presets"], route_class=ApiRoute)

Service = Annotated[PresetService, Depends(provided(PresetService))]
Reader = Annotated[Principal, allow("assistants:read")]


@router.get("", summary="List presets")
async def list_presets(
    _: Reader,
    service: Service,
    industry: Annotated[Industry | None, Query()] = None,
    language: Annotated[Language | None, Query()] = None,
) -> list[PresetSummary]:
    """Complete assistants to begin from, one per industry and language."""
    return service.find_all(industry=industry, language=language)


@router.get("/{industry}/{language}", summary="Read a preset", responses=documented(NotFound))
async def get_preset(_: Reader, service: Service, industry: Industry, language: Language) -> PresetDetail:
    """Everything an assistant made from it would be."""
    return service.get(industry, language)
