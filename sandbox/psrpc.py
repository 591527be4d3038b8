"""The side of LiveKit's internal calls that answers: psrpc over Redis, as livekit-sip speaks it.

Owns: hearing requests, the lock and the claim by which one of several services takes a request, answers and errors.
Refuses: what is asked and done (`sandbox.sip_service`), the messages' shapes (`sandbox.psrpc_wire`).
"""

import asyncio
import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import DecodeError, Message
from redis.asyncio import Redis

from sandbox.psrpc_wire import ClaimRequest, ClaimResponse, Request, Response, channel, seal, unseal

_LOCK_SECONDS = 5
_SUBSCRIBE_SECONDS = 5.0
_AT_ONCE = 200  # requests

Answer = Callable[[bytes], Awaitable[Any]]
"""From the request's bytes to the message that answers it. Raises RpcError."""


class RpcError(Exception):
    """What the far side is told. `code` is psrpc's; `details` are messages that it knows the type of."""

    def __init__(self, code: str, message: str, *details: Message) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class RpcService:
    """One service on the bus, under one id. Made by `open_service`."""

    def __init__(self, name: str, redis: "Redis") -> None:
        self._name = name
        self._redis = redis
        self._heard = redis.pubsub()
        self._id = f"SRV_{secrets.token_urlsafe(9)}"
        self._methods: dict[str, tuple[str, Answer]] = {}  # request channel -> claims' channel, who answers
        self._subscribed: dict[str, asyncio.Event] = {}
        self._claims: dict[str, asyncio.Future[bool]] = {}  # by request: whether it is ours
        self._working: set[asyncio.Task[None]] = set()

    async def offer(self, method: str, answer: Answer, *, topic: str = "") -> None:
        """From now on requests of this method are answered. Raises TimeoutError when Redis is away."""
        asked, claimed = self._channels(method, topic)
        self._methods[asked] = (claimed, answer)
        for name in (asked, claimed):
            self._subscribed[name] = asyncio.Event()
        await self._heard.subscribe(asked, claimed)
        async with asyncio.timeout(_SUBSCRIBE_SECONDS):
            await asyncio.gather(*(self._subscribed[name].wait() for name in (asked, claimed)))

    async def withdraw(self, method: str, *, topic: str = "") -> None:
        asked, claimed = self._channels(method, topic)
        self._methods.pop(asked, None)
        await self._heard.unsubscribe(asked, claimed)

    def _channels(self, method: str, topic: str) -> tuple[str, str]:
        return channel(self._name, method, topic, "REQ"), channel(self._name, method, topic, "RCLAIM")

    async def listen(self) -> None:
        """Until cancelled."""
        while not self._heard.subscribed:  # noqa: ASYNC110 - its first subscription connects it
            await asyncio.sleep(0.01)
        messages: AsyncIterator[dict[str, Any]] = self._heard.listen()  # pyright: ignore[reportUnknownVariableType]
        async for message in messages:
            name: str = message["channel"].decode()
            if message["type"] == "subscribe":
                self._subscribed[name].set()
            elif message["type"] == "message":
                with contextlib.suppress(DecodeError):
                    self._take(name, message["data"])

    def _take(self, name: str, data: bytes) -> None:
        if name not in self._methods:
            claim = unseal(ClaimResponse, data)
            waiting = self._claims.get(claim.request_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(claim.server_id == self._id)
            return
        request = unseal(Request, data)
        if request.expiry > time.time_ns() and len(self._working) < _AT_ONCE:
            task = asyncio.create_task(self._serve(name, request, hashlib.sha256(data).digest()))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _serve(self, name: str, request: Any, fingerprint: bytes) -> None:
        _, answer = self._methods[name]
        lock = base64.b64encode(fingerprint).decode()
        if not await self._redis.set(lock, self._id, nx=True, ex=_LOCK_SECONDS) or not await self._is_ours(request):
            return
        response = Response(request_id=request.request_id, server_id=self._id)
        try:
            response.raw_response = (await answer(request.raw_request)).SerializeToString()
        except RpcError as error:
            response.code, response.error = error.code, str(error)
            for detail in error.details:
                url = f"type.googleapis.com/{detail.DESCRIPTOR.full_name}"
                response.error_details.add(type_url=url, value=detail.SerializeToString())
        except (DecodeError, ValueError) as error:
            response.code, response.error = "malformed_request", str(error)
        response.sent_at = time.time_ns()
        await self._redis.publish(channel(self._name, request.client_id, "RES"), seal(response))

    async def _is_ours(self, request: Any) -> bool:
        """Whether, of all who claim it, we are the one that is to answer."""
        ours = self._claims[request.request_id] = asyncio.get_running_loop().create_future()
        try:
            claim = ClaimRequest(request_id=request.request_id, server_id=self._id, affinity=1.0)
            await self._redis.publish(channel(self._name, request.client_id, "CLAIM"), seal(claim))
            async with asyncio.timeout((request.expiry - time.time_ns()) / 1e9):
                return await ours
        except TimeoutError:
            return False
        finally:
            del self._claims[request.request_id]

    async def close(self) -> None:
        for task in self._working:
            task.cancel()
        await self._heard.aclose()
        await self._redis.aclose()


@asynccontextmanager
async def open_service(name: str, *, host: str, port: int) -> AsyncGenerator[RpcService]:
    """Raises redis.RedisError, from the first offer on, when nobody is there."""
    service = RpcService(name, Redis(host=host, port=port))
    listening = asyncio.create_task(service.listen())
    try:
        yield service
    finally:
        listening.cancel()
        await service.close()
