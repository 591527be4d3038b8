"""The API's own page and document, as somebody who integrates reads them."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from tests.fakes.control_plane import ControlPlane


async def test_the_page_asks_no_other_host(plane: ControlPlane) -> None:
    """Works without the internet, and under a policy by which nothing but its own script runs."""
    http = await plane.client(None)
    page = await http.get("/docs")
    assert page.status_code == 200
    asked = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert asked
    for address in asked:
        assert address.startswith("/docs/")
        assert (await http.get(address)).status_code == 200
    assert "https://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "'sha256-" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


async def test_the_document_reads_well(plane: ControlPlane) -> None:
    """Each operation has a known tag, a summary, a description, an id that makes a method's name, and its problems."""
    document = (await (await plane.client(None)).get("/openapi.json")).json()
    tags = {tag["name"] for tag in document["tags"]}
    seen: list[str] = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert set(operation["tags"]) <= tags, where
            assert operation["summary"], where
            assert operation["description"], where
            assert re.fullmatch(r"[a-z][a-z0-9_]+", operation["operationId"]), where
            seen.append(operation["operationId"])
            for status, response in operation["responses"].items():
                if status >= "400" and not path.startswith(("/livez", "/readyz", "/metrics")):
                    assert response["x-problems"], f"{where} {status}"
    assert len(seen) == len(set(seen))
    assert len(seen) > 60


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


async def test_no_request_waits_for_a_thread(plane: ControlPlane) -> None:
    """The framework gives each dependency and endpoint that is no coroutine to a thread: one small request cost four."""
    found = [
        f"{route.name}: {call}"
        for route in (context.original_route for context in iter_route_contexts(plane.app.routes))
        if isinstance(route, APIRoute)
        for call in _calls(route.dependant)
        if call is not None and not isinstance(call, type)
        if not inspect.iscoroutinefunction(call) and not inspect.iscoroutinefunction(type(call).__call__)
    ]
    assert found == []
