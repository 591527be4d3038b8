"""`/docs`: the API's own page. Everything it needs is served from here, and nothing else may run in it."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

_ASSETS = Path(fastapi_offline.__file__).parent / "static"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_WITH = {"displayRequestDuration": True, "persistAuthorization": True, "docExpansion": "none", "tryItOutEnabled": True}


def _policy(page: str) -> str:
    """Only the page's own script runs, by its hash."""
    digests = [base64.b64encode(hashlib.sha256(found.encode()).digest()).decode() for found in _INLINE.findall(page)]
    scripts = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )


def add_docs(app: FastAPI) -> None:
    page: str = bytes(
        get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title="AVA, the API",
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/docs/favicon.png",
            swagger_ui_parameters=_WITH,
        ).body
    ).decode()
    headers = {"content-security-policy": _policy(page)}
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]  # the route is its use
        return HTMLResponse(page, headers=headers)

    def asset(name: str, media_type: str) -> Any:
        async def serve() -> FileResponse:
            return FileResponse(_ASSETS / name, media_type=media_type, headers={"cache-control": "max-age=86400"})

        return serve

    for name, media_type in _FILES.items():
        router.add_api_route(f"/docs/{name}", asset(name, media_type), name=name)
    app.include_router(router)
