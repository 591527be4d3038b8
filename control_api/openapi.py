"""The OpenAPI document: what FastAPI finds out, and what it can't: problems, scopes, headers of every answer.

Owns: which problems every operation has beside its own, and the order and words of the tags. Refuses: anything an
endpoint can say for itself.
"""

from collections.abc import Iterator
from typing import Any, cast

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from control_api.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidRequest,
    NotFound,
    Problem,
    ProblemDetails,
    RateLimited,
    Unauthenticated,
    Unavailable,
    documented,
)
from control_api.idempotency import IDEMPOTENCY_PROBLEMS

TAGS = [
    {"name": "me", "description": "Who you are, your tenants, invitations you hold."},
    {"name": "tenant", "description": "The business: its settings, members, invitations and API keys."},
    {"name": "onboarding", "description": "The way from sign-in to the first call, saved as it is typed."},
    {"name": "presets", "description": "Complete assistants to begin from, per industry and language."},
    {"name": "voices", "description": "What the voice provider has: list, filter, listen."},
    {"name": "assistants", "description": "Drafts, immutable versions, what is live."},
    {"name": "calendars", "description": "The Cal.com account an assistant books in."},
    {"name": "numbers", "description": "Search, buy, import, assign and release telephone numbers."},
    {
        "name": "calls",
        "description": "What happened on the telephone: transcripts, latencies, bookings, cost, figures.",
    },
    {
        "name": "planned calls",
        "description": "Call-backs and reminders that the assistant makes, and whom never to call.",
    },
    {"name": "webhooks", "description": "What outside parties tell of their own accord, signed."},
    {"name": "health", "description": "For load balancers, people on call and Prometheus."},
]
DESCRIPTION = """\
AVA is a receptionist that a business owns. This API takes an owner from sign-in to a live, published assistant.

- **Sign in** with a Supabase Auth or Clerk token, or with an API key: `Authorization: Bearer …`. People who belong to several
  tenants say which one is meant with `AVA-Tenant`. What belongs to another tenant does not exist here: 404.
- **Errors** are RFC 9457 problems. Branch on `type` (`urn:ava:problem:…`); `detail` says what to do, `errors` names fields.
- **Creating** requests take an `Idempotency-Key`: sent again with the same body, they give the same answer.
- **Changes** take `If-Match` with the `ETag` that was read.
- **Lists** are pages: give `next_cursor` as `cursor` to read on.
- **Limits** are told in `RateLimit` and `RateLimit-Policy`; past them 429 with `Retry-After`.
"""
_LOCAL_TIME = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$"
_HEALTH = ("/livez", "/readyz", "/metrics")


def document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema:
        return app.openapi_schema
    routes = [
        found
        for found in iter_route_contexts(app.routes)
        if isinstance(found.original_route, APIRoute) and found.original_route.include_in_schema
    ]
    found = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=routes, tags=TAGS, summary=app.summary
    )
    schemas: dict[str, Any] = found["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDetails"] = problem
    _tell_local_times(schemas)
    for route in routes:
        for method in route.methods or ():
            operation: dict[str, Any] = found["paths"][route.path_format][method.lower()]
            _complete(operation, route)
    app.openapi_schema = found
    return found


def _tell_local_times(schema: object) -> None:
    """JSON Schema's format `time` has an offset (RFC 3339). Ours are a clock's on the wall, and have none."""
    if isinstance(schema, list):
        for inner in cast("list[object]", schema):
            _tell_local_times(inner)
    elif isinstance(schema, dict):
        members = cast("dict[str, object]", schema)
        for inner in members.values():
            _tell_local_times(inner)
        if members.get("format") == "time":
            del members["format"]
            members.update(pattern=_LOCAL_TIME, examples=["09:00", "18:30:00"])


def _complete(operation: dict[str, Any], route: RouteContext) -> None:
    responses = cast("dict[str, dict[str, Any]]", operation["responses"])
    if str(responses.get("422", {}).get("description", "")) == "Validation Error":
        del responses["422"]
    if route.path in _HEALTH:
        return
    for status, response in documented(*_implied(operation, route)).items():
        _merge(responses, str(status), response)
    for status, response in responses.items():
        response.setdefault("headers", {}).update(_headers(status, route))
    scopes = sorted(set(scopes_of(route.dependant)))
    if scopes:
        operation["x-scopes"] = scopes
        operation["description"] = (
            f"{operation.get('description', '')}\n\nNeeds the scope `{'`, `'.join(scopes)}`.".strip()
        )


def _implied(operation: dict[str, Any], route: RouteContext) -> Iterator[type[Problem]]:
    yield from (RateLimited, Unavailable, InvalidRequest)
    if "requestBody" in operation:
        yield BodyTooLarge
    if operation.get("security"):
        yield Unauthenticated
        if list(scopes_of(route.dependant)):
            yield Forbidden
            yield NotFound  # a tenant one is no member of
    if getattr(route.endpoint, "__creates__", False):
        yield from IDEMPOTENCY_PROBLEMS


def _merge(responses: dict[str, dict[str, Any]], status: str, implied: dict[str, Any]) -> None:
    """Examples of one status from the operation itself and from what every operation has."""
    own = responses.setdefault(status, implied)
    if own is implied:
        return
    media = next(iter(implied["content"]))
    examples = {**implied["content"][media]["examples"], **own["content"][media]["examples"]}
    own["content"][media]["examples"] = dict(sorted(examples.items()))
    own["x-problems"] = sorted({*own["x-problems"], *implied["x-problems"]})
    lines = {*str(own["description"]).splitlines(), *str(implied["description"]).splitlines()}
    codes = {line.split("`")[1]: line for line in sorted(lines)}
    codes |= {line.split("`")[1]: line for line in str(own["description"]).splitlines()}
    own["description"] = "\n".join(codes[code] for code in sorted(codes))


def _headers(status: str, route: RouteContext) -> dict[str, Any]:
    text = {"required": True, "schema": {"type": "string"}}
    headers: dict[str, Any] = {
        "X-Request-Id": {"description": "name it when you ask for help", **text},
        "RateLimit": {"description": "what is left, and the seconds until there is more", **text},
        "RateLimit-Policy": {"description": "how many in how many seconds", **text},
    }
    if status in ("429", "503"):
        headers["Retry-After"] = {"description": "seconds", **text}
    if status == "401":
        headers["WWW-Authenticate"] = text
    return headers


def scopes_of(dependant: Dependant) -> Iterator[str]:
    """The scopes that an endpoint's dependencies ask for."""
    scope = getattr(dependant.call, "scope", None)
    if isinstance(scope, str):
        yield scope
    for inner in dependant.dependencies:
        yield from scopes_of(inner)
