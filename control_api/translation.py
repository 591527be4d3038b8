"""Whatever goes wrong in an endpoint or on the way to it, as a problem.

Owns: the app's exception handlers, and the log of what nobody expected. Refuses: what each problem says
(`control_api.errors`).
"""

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from contracts.errors import DomainError
from control_api.errors import InvalidRequest, MethodNotAllowed, NotFound, Problem, answer, field_problems, from_domain

_log = structlog.get_logger(__name__)


def translate_errors(app: FastAPI) -> None:
    async def domain(request: Request, error: Exception) -> Response:
        problem = from_domain(error) if isinstance(error, DomainError) else from_domain(DomainError())
        if problem.status >= 500:
            code = getattr(error, "code", "error")
            _log.error("request.failed", code=code, why=str(error), exc_info=error if problem.status == 500 else None)
        return answer(problem, request)

    async def invalid(request: Request, error: Exception) -> Response:
        found = field_problems(error.errors()) if isinstance(error, RequestValidationError) else []
        what = "1 field is not valid" if len(found) == 1 else f"{len(found)} fields are not valid"
        return answer(InvalidRequest(f"{what}: see errors", errors=found), request)

    async def starlette_said(request: Request, error: Exception) -> Response:
        return answer(_from_starlette(error, request), request)

    app.add_exception_handler(DomainError, domain)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, starlette_said)


def _from_starlette(error: Exception, request: Request) -> Problem:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        headers = {"allow": ", ".join(_methods_at(request))}
        return MethodNotAllowed("that method is not for this address: see Allow", headers=headers)
    if status == 404:
        return NotFound("there is nothing at this address: see /docs")
    return InvalidRequest("the body can't be read: send JSON")


def _methods_at(request: Request) -> list[str]:
    """Of every operation at the address: the framework names those of the first one only."""
    path = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path_regex.match(path):
            methods |= route.methods or set()
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
