"""Onboarding over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from control_api.dependencies import GivenRevision, allow, etag, provided
from control_api.errors import StaleVersion, documented
from control_api.idempotency import ApiRoute
from control_api.onboarding.assistant_request import AssistantRequest
from control_api.onboarding.errors import OnboardingIncomplete, StepNotSkippable
from control_api.onboarding.schemas import Onboarding, Profile, Step, StepChange, Studio
from control_api.onboarding.service import OnboardingService
from control_api.principal import Principal

router = APIRouter(prefix="/v1/onboarding", tags=["onboarding"], route_class=ApiRoute)

Service = Annotated[OnboardingService, Depends(provided(OnboardingService))]
Reader = Annotated[Principal, allow("onboarding:read")]
Writer = Annotated[Principal, allow("onboarding:write")]
StepName = Annotated[Step, Path(description="the step")]


def _tagged(response: Response, found: Onboarding) -> Onboarding:
    response.headers["etag"] = etag(found.revision)
    return found


@router.get("", summary="Read the onboarding")
async def get_onboarding(principal: Reader, service: Service, response: Response) -> Onboarding:
    """What was answered, what that still lacks, the steps, and how long it took until the first call was answered. The clock
    starts when this is read for the first time."""
    return _tagged(response, await service.get(principal))


@router.patch("/profile", summary="Save what is being typed of the profile", responses=documented(StaleVersion))
async def patch_onboarding_profile(
    principal: Writer, service: Service, body: Profile, revision: GivenRevision, response: Response
) -> Onboarding:
    """A JSON merge patch (RFC 7396): what you don't name stays as it is, null takes an answer away. Send it as often as you
    like. Without `If-Match` two pages that type into different fields never lose one another's; in the same field the later
    one stands. With it, a change made since you read is answered 412 with the `current` revision: read again and repeat.
    Sending once more what is stored already changes nothing and is answered, at whatever revision."""
    return _tagged(response, await service.patch_profile(principal, body, revision=revision))


@router.patch("/studio", summary="Save what is being typed of the assistant", responses=documented(StaleVersion))
async def patch_onboarding_studio(
    principal: Writer, service: Service, body: Studio, revision: GivenRevision, response: Response
) -> Onboarding:
    """A JSON merge patch (RFC 7396): objects are merged member by member, also one day of the hours; lists are replaced; null
    takes an answer away. `If-Match` as for the profile."""
    return _tagged(response, await service.patch_studio(principal, body, revision=revision))


@router.put(
    "/steps/{step}", summary="Mark a step done, skipped or to do", responses=documented(StepNotSkippable, StaleVersion)
)
async def set_onboarding_step(
    principal: Writer,
    service: Service,
    step: StepName,
    body: StepChange,
    revision: GivenRevision,
    response: Response,
) -> Onboarding:
    """A step keeps the time at which it came into its state."""
    return _tagged(response, await service.set_step(principal, step, body.state, revision=revision))


@router.post("/complete", summary="Complete the onboarding", responses=documented(OnboardingIncomplete))
async def complete_onboarding(principal: Writer, service: Service, response: Response) -> Onboarding:
    """When every step is done or skipped and no answer is half written; else 409, with the steps in `missing` and everything in
    `errors`. Doing it twice is doing it once."""
    return _tagged(response, await service.complete(principal))


@router.get(
    "/assistant-request",
    summary="Read the assistant that the answers mean",
    response_model_exclude_unset=True,
    responses=documented(OnboardingIncomplete),
)
async def get_assistant_request(principal: Reader, service: Service) -> AssistantRequest:
    """The body for `POST /v1/assistants`, to be sent as it is. Needs the business's name, its industry, a language and finished
    opening hours. What is true only of the business that the preset was written as is left out: its answers to questions,
    its prices, its numbers."""
    return await service.assistant_request(principal)
