"""Health over HTTP: without sign-in, without rate limit, and without anything about a tenant."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from control_api.dependencies import provided
from control_api.health.schemas import Alive, DependencyState, Readiness
from control_api.health.service import HealthService
from control_api.metrics import Metrics

router = APIRouter(tags=["health"])

Service = Annotated[HealthService, Depends(provided(HealthService))]
_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": Readiness, "description": "not ready, or draining"}}


@router.get("/livez", summary="Is the process alive?")
async def livez() -> Alive:
    """Asks nothing of anybody: a process that answers is not restarted for its database."""
    return Alive()


@router.get("/readyz", summary="Can requests be answered?", responses=_NOT_READY)
async def readyz(service: Service, response: Response) -> Readiness:
    """Each dependency with its state and the age of it. 503 while a required one is away, and while draining."""
    findings = await service.findings()
    ready = service.is_ready(findings)
    response.status_code = 200 if ready else 503
    status = "draining" if service.draining else "ready" if ready else "not_ready"
    return Readiness(status=status, dependencies=[DependencyState(**asdict(f)) for f in findings])


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(figures: Annotated[Metrics, Depends(provided(Metrics))]) -> Response:
    """Text format 0.0.4."""
    return Response(figures.text(), media_type="text/plain; version=0.0.4")
