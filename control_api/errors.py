"""What the API answers when it can't do what was asked: RFC 9457 problem details, each with a stable `type`.

Owns: the problems that belong to no noun, the translation of the store's errors, and how a problem is written and
documented. Refuses: words of a noun (its own `errors.py`), logging (`control_api.edge`).

A problem's `type` is `urn:ava:problem:<code>`; clients branch on it, never on `detail`, which is for people.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import DomainError, StoreUnavailable
from store.errors import (
    Conflicting,
    NotAllowed,
    RowNotFound,
    Stale,
    StoreMisconfigured,
    TokenNotAccepted,
    Told,
    Unacceptable,
)

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:ava:problem:"
_WAIT = {"retry-after": "5"}  # where the problem itself knows no better


class FieldProblem(BaseModel):
    """One thing wrong with one field of the request."""

    model_config = ConfigDict(frozen=True)
    pointer: str = Field(description="JSON Pointer into the body, or `query.name`, `path.name`, `header.name`")
    reason: str = Field(description="what is wrong")
    advice: str = Field(default="", description="what to do about it")


class ProblemDetails(BaseModel):
    """RFC 9457. `type` is stable, `detail` says what to do, `errors` names fields where there are any."""

    model_config = ConfigDict(extra="allow")
    type: str = Field(examples=["urn:ava:problem:not_found"])
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldProblem] = Field(default_factory=list[FieldProblem])


class Problem(DomainError):
    """An answer of 400 or more. Subclasses fix `code`, `status`, `title`; the message says what to do."""

    code: ClassVar[str] = "problem"
    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request can't be carried out"
    example: ClassVar[str] = ""  # a detail, for the documentation

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extensions = extensions


class Unauthenticated(Problem):
    code, status, title = "unauthenticated", 401, "Sign in first"
    example = "send a bearer token or an API key: Authorization: Bearer …"


class Forbidden(Problem):
    code, status, title = "forbidden", 403, "Not allowed"
    example = "this needs the scope assistants:write; you have assistants:read"


class NotFound(Problem):
    code, status, title = "not_found", 404, "Not found"
    example = "there is no such assistant"


class MethodNotAllowed(Problem):
    code, status, title = "method_not_allowed", 405, "Not a method of this address"
    example = "see the Allow header for what is"


class Conflict(Problem):
    code, status, title = "conflict", 409, "Not in the state that things are in"
    example = "numbers still lead to this assistant: unassign them first"


class StaleVersion(Problem):
    code, status, title = "stale", 412, "Changed meanwhile"
    example = "somebody changed this meanwhile: read it again and repeat your change"


class BodyTooLarge(Problem):
    code, status, title = "body_too_large", 413, "The request is too large"
    example = "a request may have 1 MiB; yours has 3 MiB"


class InvalidRequest(Problem):
    code, status, title = "invalid_request", 422, "The request is not valid"
    example = "1 field is not valid: see errors"


class PreconditionMissing(Problem):
    code, status, title = "precondition_required", 428, "Say which state you changed"
    example = "send If-Match with the ETag you read, so that nobody's change is overwritten"


class RateLimited(Problem):
    code, status, title = "rate_limited", 429, "Too many requests"
    example = "try again in 12 s"


class Unexpected(Problem):
    code, status, title = "unexpected", 500, "Something broke here"
    example = "it is recorded under the request id; nothing you sent is lost if you send it again with the same key"


class Unavailable(Problem):
    code, status, title = "unavailable", 503, "Not available just now"
    example = "the database did not answer in time: send it again"


def from_domain(error: DomainError) -> Problem:
    """What a service let through -> the problem it is. Reasons of SQL functions become the problem's code."""
    match error:
        case Problem():
            return error
        case RowNotFound():
            return _told(NotFound, error)
        case NotAllowed():
            return _told(Forbidden, error)
        case Stale():
            return _told(StaleVersion, error, current=error.figure)
        case Conflicting():
            return _told(Conflict, error)
        case Unacceptable():
            return _told(InvalidRequest, error)
        case TokenNotAccepted():
            return Unauthenticated("the token has expired: sign in again", headers={"www-authenticate": "Bearer"})
        case StoreUnavailable():
            return Unavailable("the database did not answer in time: send it again", headers={"retry-after": "2"})
        case StoreMisconfigured():
            return Unavailable(
                "the database refuses this server: its operator must look", headers={"retry-after": "30"}
            )
        case DomainError() if error.retryable:
            return Unavailable(f"{error}: send it again", headers={"retry-after": "5"}, reason=error.code)
        case _:
            return Unexpected("something broke here; it is recorded under the request id")


def _told(kind: type[Problem], error: Told, **extensions: Any) -> Problem:
    return kind(f"{error}", reason=error.reason, **extensions)


def answer(problem: Problem, request: Request) -> JSONResponse:
    request_id = str(getattr(request.state, "request_id", ""))
    body: dict[str, Any] = {
        "type": f"{PREFIX}{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
        **({"errors": [e.model_dump() for e in problem.errors]} if problem.errors else {}),
        **problem.extensions,
    }
    headers = {**(_WAIT if problem.status in (429, 503) else {}), **problem.headers}
    return JSONResponse(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def documented(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """For `responses=`: each problem an operation answers with, by status, with an example of each."""
    by_status: dict[int | str, list[type[Problem]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _response(found) for status, found in by_status.items()}


def _response(kinds: Iterable[type[Problem]]) -> dict[str, Any]:
    found = sorted(set(kinds), key=lambda kind: kind.code)
    examples = {
        kind.code: {
            "summary": kind.title,
            "value": {
                "type": f"{PREFIX}{kind.code}",
                "title": kind.title,
                "status": kind.status,
                "detail": kind.example,
                "request_id": "01JD8Z6V8M",
            },
        }
        for kind in found
    }
    lines = "\n".join(f"- `{kind.code}`: {kind.example or kind.title}" for kind in found)
    return {
        "description": lines,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": examples}},
        "x-problems": [kind.code for kind in found],
    }


_ADVICE = {
    "missing": "add it",
    "extra_forbidden": "leave it out: there is no such field",
    "uuid_parsing": "write a UUID, as in 2f1c8a52-7f0e-4a59-9b39-0c9d5f0e6c11",
    "json_invalid": "send JSON",
    "model_attributes_type": "send a JSON object, with Content-Type: application/json",
    "string_too_long": "shorten it",
    "string_too_short": "write more",
    "string_pattern_mismatch": "use only what the pattern allows; the field's description in /docs says what it means",
    "datetime_from_date_parsing": "write a date and time with its offset, as in 2026-11-27T09:00:00+01:00",
    "timezone_aware": "add the offset, as in +01:00",
}


def field_problems(problems: Iterable[Mapping[str, Any]], *, within: tuple[str | int, ...] = ()) -> list[FieldProblem]:
    """pydantic's errors -> ours. `within` is put before each place. Never the value that was sent."""
    return [_field_problem(problem, within) for problem in problems]


def _field_problem(problem: Mapping[str, Any], within: tuple[str | int, ...]) -> FieldProblem:
    reason = re.sub(r"^(Value|Assertion) error, ", "", str(problem["msg"]))
    reason, _, own_advice = reason.partition(": ") if problem["type"] == "value_error" else (reason, "", "")
    advice = own_advice or _ADVICE.get(str(problem["type"]), "")
    return FieldProblem(pointer=pointer((*within, *problem["loc"])), reason=reason, advice=advice)


def pointer(place: Sequence[str | int]) -> str:
    """("body", "hours", "weekly", "monday", 0) -> "/hours/weekly/monday/0"; ("query", "limit") -> "query.limit"."""
    if not place:
        return "/"
    if place[0] in ("query", "path", "header", "cookie"):
        return ".".join(map(str, place))
    steps = place[1:] if place[0] == "body" else place
    return "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in steps)
