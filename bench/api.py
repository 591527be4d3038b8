"""What the control plane costs on top of the database it stands on. `python -m bench.api`

Side by side, in rounds that alternate: an endpoint of ours, the same query sent straight to PostgREST through the same
gateway, and a FastAPI endpoint that does nothing. Each server has a process of its own; so has the database. `--quick`
takes few rounds (CI); `--check` exits 1 when the wanted ratio is missed. Results go to bench/results/api.json.

A change through the API is a read of the draft and one function that writes; straight to PostgREST it is the same two
requests. What it can't show: a network between API and database, which adds the same to both.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import httpx

from bench.api_load import Ask, Figures, Series, send
from demo.platform import Platform, environment_of, open_platform
from sandbox.database import Database
from sandbox.postgres import free_port

RESULTS = Path(__file__).parent / "results" / "api.json"
WANTED = 1.5
_ROOT = Path(__file__).parent.parent
_START_SECONDS = 30.0
_LIST_COLUMNS = "assistant_id,name,status,preset,draft_version,published_version,revision,created_at,updated_at"


@dataclass(frozen=True)
class Size:
    rounds: int
    requests: int  # a round, one at a time
    burst: int  # a round, `lanes` at a time
    lanes: int = 8


FULL, QUICK = Size(rounds=6, requests=150, burst=200), Size(rounds=2, requests=60, burst=120)


@asynccontextmanager
async def _serving(module: str, environment: Mapping[str, str], path: str) -> AsyncGenerator[str]:
    """`python -m module` in a process of its own, on a free port -> its address, once it answers."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        cwd=_ROOT,
        env={**environment, "AVA_API_PORT": str(port)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(_START_SECONDS), httpx.AsyncClient() as http:
            while True:
                try:
                    (await http.get(f"{url}{path}")).raise_for_status()
                    break
                except httpx.HTTPError:
                    if process.returncode is not None:
                        raise SystemExit(f"{module} ended at once") from None
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


@dataclass(frozen=True)
class _World:
    """Both ways to the same tenant's rows."""

    platform: Platform
    api_url: str
    bare_url: str
    token: str
    tenant_id: UUID
    assistants: Sequence[UUID]

    @property
    def ours(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "content-type": "application/json"}

    @property
    def straight(self) -> dict[str, str]:
        return {**self.ours, "apikey": self.platform.database.anon_key}

    @property
    def rest(self) -> str:
        return f"{self.platform.database.url}/rest/v1"

    def series(self) -> dict[str, list[Series]]:
        return {
            "GET /v1/assistants": [
                Series("AVA", self._get(f"{self.api_url}/v1/assistants", self.ours)),
                Series("PostgREST", self._get(f"{self.rest}/assistants?{self._list_query}", self.straight)),
                Series("bare FastAPI", self._get(f"{self.bare_url}/nothing", {})),
            ],
            "PATCH /v1/assistants/{id}": [
                Series("AVA", self._patch_ours),
                Series("PostgREST", self._patch_straight),
                Series("bare FastAPI", self._get(f"{self.bare_url}/nothing", {})),
            ],
        }

    @property
    def _list_query(self) -> str:
        return (
            f"select={_LIST_COLUMNS}&tenant_id=eq.{self.tenant_id}&status=neq.archived"
            "&order=created_at.desc,assistant_id.desc&limit=51"
        )

    def _get(self, url: str, headers: Mapping[str, str]) -> Any:
        ask = Ask("GET", url, headers)

        async def step(http: aiohttp.ClientSession, n: int) -> None:
            await send(http, ask, n)

        return step

    async def _patch_ours(self, http: aiohttp.ClientSession, n: int) -> None:
        assistant = self.assistants[n % len(self.assistants)]
        ask = Ask(
            "PATCH", f"{self.api_url}/v1/assistants/{assistant}", {**self.ours, "if-match": "*"},
            lambda n: {"persona_name": f"Ava {n}"},
        )  # fmt: skip
        await send(http, ask, n)

    async def _patch_straight(self, http: aiohttp.ClientSession, n: int) -> None:
        """The draft, and one function with the draft changed: what the service does, without the service."""
        assistant = self.assistants[n % len(self.assistants)]
        select = "revision,draft:assistant_versions!assistants_draft_fkey(config)"
        read = Ask(
            "GET",
            f"{self.rest}/assistants?select={select}&tenant_id=eq.{self.tenant_id}&assistant_id=eq.{assistant}",
            self.straight,
        )
        [row], _ = await send(http, read, n)
        config = {**row["draft"]["config"], "persona_name": f"Ava {n}"}
        body = {
            "p_tenant_id": str(self.tenant_id), "p_assistant_id": str(assistant), "p_expected_revision": None,
            "p_config": config, "p_name": None, "p_note": "",
        }  # fmt: skip
        await send(http, Ask("POST", f"{self.rest}/rpc/save_assistant_v1", self.straight, lambda _: body), n)


@asynccontextmanager
async def _open_world(assistants: int = 20) -> AsyncGenerator[_World]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database())
        unlimited: dict[str, Any] = {
            "ava_rate_limit_per_address": "10000000/minute",
            "ava_rate_limit_per_principal": "10000000/minute",
        }
        platform = await stack.enter_async_context(open_platform(database, **unlimited))
        environment = {**environment_of(platform.settings), "PYTHONPATH": str(_ROOT)}
        api = await stack.enter_async_context(_serving("control_api", environment, "/readyz"))
        bare = await stack.enter_async_context(_serving("bench.api_bare", environment, "/nothing"))
        token, _ = await platform.token(expires_in=7200)
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30) as http:
            me = (await http.get(f"{api}/v1/me")).raise_for_status().json()
            preset = {"preset": {"industry": "health", "language": "fr"}}
            made = [
                (await http.post(f"{api}/v1/assistants", json=preset)).raise_for_status().json()["assistant_id"]
                for _ in range(assistants)
            ]
        yield _World(platform, api, bare, token, UUID(me["home_tenant_id"]), [UUID(found) for found in made])


async def measure(size: Size) -> dict[str, dict[str, Figures]]:
    """-> operation -> subject -> figures. Rounds alternate, so that a machine that slows down slows all."""
    async with _open_world() as world:
        everything = world.series()
        for kind in everything.values():
            for series in kind:  # connections, plans and caches warm
                await series.one_at_a_time(20)
                series.milliseconds.clear()
            for _ in range(size.rounds):
                for series in kind:
                    await series.one_at_a_time(size.requests)
                for series in kind:
                    await series.all_at_once(size.burst, size.lanes)
        return {name: {series.name: series.figures for series in kind} for name, kind in everything.items()}


def ratios(found: Mapping[str, Mapping[str, Figures]]) -> dict[str, float]:
    return {name: round(by["AVA"].p50 / by["PostgREST"].p50, 2) for name, by in found.items()}


def _print(found: Mapping[str, Mapping[str, Figures]], size: Size) -> None:
    print(f"{'':28}{'':14}{'p50 ms':>9}{'p99 ms':>9}{'per s':>8}   ({size.lanes} in flight)")
    for name, by in found.items():
        for subject, figures in by.items():
            print(f"{name:28}{subject:14}{figures.p50:9.2f}{figures.p99:9.2f}{figures.per_second:8.0f}")
            name = ""
    for name, ratio in ratios(found).items():
        print(f"{name}: {ratio} x PostgREST at the median (wanted: at most {WANTED})")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--check", action="store_true", help=f"exit 1 above {WANTED} x PostgREST")
    given = parser.parse_args(arguments)
    size = QUICK if given.quick else FULL
    found = asyncio.run(measure(size))
    _print(found, size)
    if not given.quick:
        document = {
            "size": asdict(size),
            "ratios": ratios(found),
            "figures": {name: {who: asdict(f) for who, f in by.items()} for name, by in found.items()},
        }
        RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 1 if given.check and max(ratios(found).values()) > WANTED else 0


if __name__ == "__main__":
    sys.exit(main())
