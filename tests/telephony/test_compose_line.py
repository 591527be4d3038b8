"""The real LiveKit server takes the configuration that `compose.yaml` hands it: it knows every field, or it would not start."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from livekit import api

from sandbox.postgres import SandboxError, free_port
from sandbox.programs import LIVEKIT, get_programs
from sandbox.servers import Server, free_udp_port
from tests.architecture.test_compose import service

pytestmark = pytest.mark.telephony
HOST = "127.0.0.1"


def here(folder: Path, **changes: Any) -> tuple[Server, int]:
    """On loopback, without Redis and on free ports: everything else as it is there."""
    given = service("livekit")["environment"]
    config, port = yaml.safe_load(given["LIVEKIT_CONFIG"]), free_port()
    assert config.pop("redis")
    config |= {"port": port, "bind_addresses": [HOST], **changes}
    config["rtc"] |= {"udp_port": free_udp_port(), "tcp_port": 0, "node_ip": HOST, "interfaces": {"includes": ["lo"]}}
    environment = {"LIVEKIT_CONFIG": yaml.safe_dump(config), "LIVEKIT_KEYS": given["LIVEKIT_KEYS"]}
    program = get_programs([LIVEKIT])[LIVEKIT.name]
    return Server("livekit", [program], log=folder / "livekit.log", folder=folder, environment=environment), port


async def answers(port: int) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:
        try:
            return (await http.get(f"http://{HOST}:{port}/")).status_code == 200
        except httpx.TransportError:
            return False


async def test_livekit_starts_on_it(tmp_path: Path) -> None:
    """It answers, and knows the key that the API and the worker are given: it refuses a stranger's token, not theirs."""
    server, port = here(tmp_path)
    name, secret = service("livekit")["environment"]["LIVEKIT_KEYS"].split(": ")
    try:
        await server.start(lambda: answers(port))
        assert await answers(port)
        async with api.LiveKitAPI(f"http://{HOST}:{port}", name, secret) as ours:
            assert list((await ours.room.list_rooms(api.ListRoomsRequest())).rooms) == []
        async with api.LiveKitAPI(f"http://{HOST}:{port}", name, "somebody-elses-secret-of-32-letters") as stranger:
            with pytest.raises(api.TwirpError) as refused:
                await stranger.room.list_rooms(api.ListRoomsRequest())
            assert refused.value.status == 401
    finally:
        await server.stop()


async def test_a_field_that_livekit_does_not_know_is_found(tmp_path: Path) -> None:
    server, port = here(tmp_path, web_hook={"urls": []})
    with pytest.raises(SandboxError, match="web_hook"):
        await server.start(lambda: answers(port))
