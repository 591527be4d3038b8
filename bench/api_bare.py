"""A FastAPI app with one endpoint that does nothing, served as the control plane is: the floor under `bench.api`."""

import os
import sys

import uvicorn
from fastapi import FastAPI


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/nothing")
    async def nothing() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]  # the route is its use
        return {"status": "nothing"}

    return app


def main() -> int:
    uvicorn.run(create_app(), host="127.0.0.1", port=int(os.environ["AVA_API_PORT"]), log_config=None, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
