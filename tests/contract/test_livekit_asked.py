"""LiveKit's server as the control plane asks it: every request ends, and a closed connection is made anew.

What a failure means is each asker's: test_livekit_line.py, tests/api/test_dialling.py, and callers alone here.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from livekit import api
from pydantic import SecretStr

from control_api.forlorn import LineSilent, RoomsOnLiveKit
from control_api.livekit import LiveKit
from control_api.planned_calls.livekit_dialer import LiveKitDialer
from control_api.planned_calls.ports import DialerAway
from sandbox.livekit import KEY, SECRET
from tests.fakes.livekit import Server, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def rooms(livekit: LiveKit) -> list[str]:
    found = await livekit.ask(lambda client: client.room.list_rooms(api.ListRoomsRequest()))
    return [room.name for room in found.rooms]


async def test_a_request_ends_though_the_server_takes_its_time(server: Server) -> None:
    """Its client alone would wait for ever; and the next request is none the worse for it."""
    livekit = LiveKit(server.url, KEY, SecretStr(SECRET), request_timeout=0.2)
    await server.fault("list_rooms", "delay", delay_ms=1_000)
    async with asyncio.timeout(0.8):
        with pytest.raises(TimeoutError):
            await rooms(livekit)
    assert await rooms(livekit) == []
    await livekit.aclose()


async def test_what_was_closed_connects_anew(server: Server) -> None:
    livekit = LiveKit(server.url, KEY, SecretStr(SECRET))
    await livekit.aclose()
    for _ in range(2):
        assert await rooms(livekit) == []
        await livekit.aclose()
        await livekit.aclose()
    assert await server.seen("list_rooms") == 2


@pytest.mark.parametrize(("url", "key", "secret"), [("", KEY, SECRET), ("ws://x", "", SECRET), ("ws://x", KEY, "")])
def test_the_environment_is_never_asked_for_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, url: str, key: str, secret: str
) -> None:
    """As its client would, and so reach another project than the one it was given."""
    for name, value in (("LIVEKIT_URL", "ws://y"), ("LIVEKIT_API_KEY", KEY), ("LIVEKIT_API_SECRET", SECRET)):
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="needs an address, a key and a secret"):
        LiveKit(url, key, SecretStr(secret))


async def test_whoever_looks_for_callers_alone_is_told_that_the_line_is_silent(server: Server) -> None:
    """An answer of "no", and nobody there; either way the round that asked is put off."""
    there = RoomsOnLiveKit(server.url, KEY, SecretStr(SECRET))
    assert await there.list_rooms() == []
    await server.fault("list_rooms", "status", status=503)
    with pytest.raises(LineSilent, match="503"):
        await there.list_rooms()
    await there.aclose()
    nowhere = RoomsOnLiveKit("http://127.0.0.1:9", KEY, SecretStr(SECRET))
    with pytest.raises(LineSilent, match="no answer from LiveKit"):
        await nowhere.list_rooms()
    await nowhere.aclose()


async def test_what_is_not_livekit_is_no_answer() -> None:
    """Something else listens at the address: a proxy's page, a wrong port."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n<html/>")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as other:
        url = f"http://127.0.0.1:{other.sockets[0].getsockname()[1]}"
        there = RoomsOnLiveKit(url, KEY, SecretStr(SECRET))
        dialer = LiveKitDialer(url, KEY, SecretStr(SECRET), agent_name="ava")
        with pytest.raises(LineSilent, match="no answer from LiveKit"):
            await there.list_rooms()
        with pytest.raises(DialerAway, match="no answer from LiveKit"):
            await dialer.find_trunk("+33478000000")
        await there.aclose()
        await dialer.aclose()
