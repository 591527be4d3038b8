"""A telephone line of one's own: Redis, the LiveKit server and its SIP service on loopback, until the block ends.

Owns: their configurations, the order in which they come up, and when they are ready. Refuses: trunks and dispatch rules
(the control plane makes them), who answers (the agent's worker), who rings (`sandbox.softphone`).

    async with open_telephony() as line:
        line.url, line.api_key, line.api_secret    # LiveKit
        line.address_of("+33478000000")            # what a telephone dials

The SIP service is livekit-sip from PATH or .bin; where there is none, and it can't be built, `sandbox.sip_gateway` stands
for it, with the same configuration.

What it cannot show: distance, loss, jitter, NAT, TLS and SRTP, a carrier's own manners. Two kinds of socket are not on
loopback: livekit-sip binds its RTP ports on every interface, and libwebrtc, in the worker, uses any interface but
loopback, so that without another one nobody is heard. What they send goes from this machine to itself.
"""

import asyncio
import json
import random
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from sandbox.postgres import SandboxError, free_port
from sandbox.programs import LIVEKIT, LIVEKIT_SIP, REDIS, Say, find_or_build, get_programs, say_nothing
from sandbox.servers import Server, free_udp_port

_ROOT = Path(__file__).parent.parent
_HOST = "127.0.0.1"
_MEDIA_PORTS = 400  # of livekit-sip; a call takes two, and keeps them a moment after its end
_MEDIA_BASES = range(10_000, 30_000, _MEDIA_PORTS)  # below the ports that the system hands out by itself


@dataclass(frozen=True)
class TelephoneLine:
    """A running line. `stand_in`: its SIP service is not livekit-sip."""

    livekit: Server
    sip: Server
    redis: Server
    livekit_port: int
    sip_port: int
    stand_in: bool
    api_key: str
    api_secret: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"ws://{_HOST}:{self.livekit_port}"

    @property
    def sip_uri(self) -> str:
        """Where a carrier sends its calls."""
        return f"sip:{_HOST}:{self.sip_port};transport=udp"

    def address_of(self, e164: str) -> str:
        return f"sip:{e164}@{_HOST}:{self.sip_port}"

    @property
    def servers(self) -> tuple[Server, ...]:
        return (self.redis, self.livekit, self.sip)


@asynccontextmanager
async def open_telephony(
    *,
    webhook: str | None = None,
    hosts: Mapping[str, str] | None = None,
    build: bool = False,
    stand_in: bool = False,
    say: Say = say_nothing,
) -> AsyncGenerator[TelephoneLine]:
    """Ready for calls. `webhook`: where LiveKit tells what happens; it need not be up yet. `hosts`: where carriers' names lead
    (`sandbox.sip_gateway`; livekit-sip asks the system alone). `build`: try to make livekit-sip where there is none.
    `stand_in`: without it even where there is one. Raises ProgramMissing, or SandboxError with the end of the log of what did
    not come up."""
    _require_interface()
    programs = await asyncio.to_thread(get_programs, (REDIS, LIVEKIT), say=say)
    made = None if stand_in else await asyncio.to_thread(_livekit_sip, build=build, say=say)
    redis_port, livekit_port, sip_port = free_port(), free_port(), free_udp_port(also_tcp=True)
    api_key, api_secret = "devkey", secrets.token_urlsafe(32)
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="ava-telephony-")))

        def server(name: str, *command: str | Path) -> Server:
            environment = {"PYTHONPATH": str(_ROOT)}
            return Server(name, command, log=folder / f"{name}.log", folder=folder, environment=environment)

        sip_command = [made] if made else [sys.executable, "-m", "sandbox.sip_gateway"]
        redis = server(REDIS.name, programs[REDIS.name], *_redis_options(redis_port, folder))
        livekit = server(LIVEKIT.name, programs[LIVEKIT.name], "--config", folder / "livekit.json")
        sip = server(LIVEKIT_SIP.name, *sip_command, "--config", folder / "sip.json")
        _write(folder / "livekit.json", livekit_config(livekit_port, redis_port, api_key, api_secret, webhook))
        said = {} if made else {"hosts": dict(hosts or {})}
        _write(folder / "sip.json", {**sip_config(livekit_port, redis_port, sip_port, api_key, api_secret), **said})
        for one, ready in (
            (redis, lambda: _redis_answers(redis_port)),
            (livekit, lambda: _answers(f"http://{_HOST}:{livekit_port}/")),
            (sip, lambda: _says_ready(sip)),
        ):
            running.push_async_callback(one.stop)
            await one.start(ready)
        yield TelephoneLine(
            livekit=livekit,
            sip=sip,
            redis=redis,
            livekit_port=livekit_port,
            sip_port=sip_port,
            stand_in=made is None,
            api_key=api_key,
            api_secret=api_secret,
        )


def _livekit_sip(*, build: bool, say: Say) -> Path | None:
    return find_or_build(LIVEKIT_SIP, say=say) if build else LIVEKIT_SIP.find()


def livekit_config(
    port: int, redis_port: int, api_key: str, api_secret: str, webhook: str | None = None
) -> dict[str, Any]:
    hooks = {"webhook": {"api_key": api_key, "urls": [webhook]}} if webhook else {}
    return {
        **hooks,
        "port": port,
        "bind_addresses": [_HOST],
        "rtc": {
            "udp_port": free_udp_port(),
            "tcp_port": 0,  # by default it listens on every interface
            "node_ip": _HOST,
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo"]},
            "stun_servers": [f"{_HOST}:3478"],  # nobody is there; named, so that clients are not sent to a public one
        },
        "redis": {"address": f"{_HOST}:{redis_port}"},
        # by default a worker that reports 70 % of its machine's CPU gets no call: this machine is everybody's
        "agents": {"target_load": 8},
        "keys": {api_key: api_secret},
        "logging": {"level": "info", "json": True},
    }


def sip_config(livekit_port: int, redis_port: int, sip_port: int, api_key: str, api_secret: str) -> dict[str, Any]:
    first = random.choice(_MEDIA_BASES)
    return {
        "api_key": api_key,
        "api_secret": api_secret,
        "ws_url": f"ws://{_HOST}:{livekit_port}",
        "redis": {"address": f"{_HOST}:{redis_port}"},
        "sip_port": sip_port,
        "rtp_port": f"{first}-{first + _MEDIA_PORTS - 2}",
        "use_external_ip": False,
        "nat_1_to_1_ip": _HOST,  # what calls are told to send to; it binds every interface all the same
        "listen_ip": _HOST,
        "logging": {"level": "info", "json": True},
    }


def _redis_options(port: int, folder: Path) -> list[str]:
    return [
        *("--bind", _HOST, "--port", str(port), "--dir", str(folder)),
        *("--save", "", "--appendonly", "no", "--daemonize", "no"),
    ]


def _write(path: Path, config: Mapping[str, Any]) -> None:
    """JSON is YAML, which both programs read."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))


def _require_interface() -> None:
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127.") and _is_up(name):
                return
    raise SandboxError(
        "no network interface but loopback has an IPv4 address: WebRTC never uses loopback for its own end, so nobody would"
        " be heard. Give this machine any second one: "
        "`ip link add v0 type veth peer name v1; ip addr add 10.99.0.1/24 dev v0; ip link set v0 up; ip link set v1 up`"
    )


def _is_up(name: str) -> bool:
    stats = psutil.net_if_stats().get(name)
    return stats is not None and stats.isup


async def _redis_answers(port: int) -> bool:
    async with asyncio.timeout(1.0):
        reader, writer = await asyncio.open_connection(_HOST, port)
        writer.write(b"PING\r\n")
        said = await reader.readline()
        writer.close()
        return said.startswith(b"+PONG")


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=1.0) as http:
        try:
            return (await http.get(url)).status_code == 200
        except httpx.TransportError:
            return False


async def _says_ready(sip: Server) -> bool:
    return sip.said("service ready")
