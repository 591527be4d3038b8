"""The stand-ins' own process: all come up on their ports, faults work over HTTP, and it goes with its parent."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from sandbox.providers import StandIns, create, serve

ROOT = Path(__file__).parent.parent.parent
BASIC = "Basic cGstbGYtMTpzay1sZi0x"


async def gone(pid: int) -> bool:
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_start_answer_and_stop() -> None:
    standins = StandIns(("deepgram", "elevenlabs", "langfuse"), options={"deepgram": {"final_ms": "90"}})
    async with standins as urls, httpx.AsyncClient() as client:
        pid = standins.pid
        assert (await client.get(f"{urls['langfuse']}/api/public/health")).json()["status"] == "OK"
        assert (await client.get(f"{urls['deepgram']}/_ctl/knobs")).json()["final_ms"] == 90
        rule = [{"operation": "models", "kind": "lost_answer"}]
        await client.post(f"{urls['elevenlabs']}/_ctl/faults", json=rule)
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{urls['elevenlabs']}/v1/models", headers={"xi-api-key": "k"})
        models = await client.get(f"{urls['elevenlabs']}/v1/models", headers={"xi-api-key": "k"})
        assert models.status_code == 200
    assert await gone(pid)


async def test_an_app_that_is_not_there_is_said() -> None:
    with pytest.raises(RuntimeError, match="nowhere"):
        async with StandIns(("nowhere",)):
            pass


async def test_the_child_dies_with_a_killed_parent() -> None:
    """Even SIGKILL leaves no stand-in behind."""
    program = (
        "import asyncio\n"
        "from sandbox.providers import StandIns\n"
        "async def main():\n"
        "    s = StandIns(('langfuse',))\n"
        "    async with s:\n"
        "        print(s.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        child = int(await parent.stdout.readline())
    assert psutil.pid_exists(child)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    assert await gone(child)


async def test_the_real_exporter_reaches_the_sink() -> None:
    """gzip, protobuf, key and ingestion version arrive; spans come back decoded with parent and attributes."""
    async with serve(create("langfuse")) as url, httpx.AsyncClient(base_url=url) as client:

        def export(key: str) -> None:
            headers = {"Authorization": key, "x-langfuse-ingestion-version": "4"}
            exporter = OTLPSpanExporter(endpoint=f"{url}/api/public/otel/v1/traces", headers=headers, timeout=5)
            provider = TracerProvider(resource=Resource({"service.name": "ava"}), shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            tracer = provider.get_tracer("test")
            with tracer.start_as_current_span("call", attributes={"session.id": "s1", "tags": ["a", "b"]}):
                with tracer.start_as_current_span("turn", attributes={"latency": 0.5, "n": 3, "ok": True}):
                    pass
            provider.shutdown()

        await asyncio.to_thread(export, BASIC)
        got = (await client.get("/_ctl/spans")).json()
        spans = {span["name"]: span for span in got["spans"]}
        assert spans["turn"]["parent_span_id"] == spans["call"]["span_id"]
        assert spans["turn"]["attributes"] == {"latency": 0.5, "n": 3, "ok": True}
        assert spans["call"]["attributes"] == {"session.id": "s1", "tags": ["a", "b"]}
        assert spans["call"]["resource"]["service.name"] == "ava"
        assert spans["call"]["end_ns"] > spans["call"]["start_ns"] > 0
        assert got["ingestion_versions"] == ["4"]
        await asyncio.to_thread(export, "Basic cGstYmFkOng=")
        assert len((await client.get("/_ctl/spans")).json()["spans"]) == 2
        garbage = {"Authorization": BASIC, "Content-Type": "application/x-protobuf"}
        refused = await client.post("/api/public/otel/v1/traces", content=b"\xff\xff", headers=garbage)
        assert refused.status_code == 400
