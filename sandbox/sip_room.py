"""A telephone's leg in a LiveKit room, as livekit-sip makes it: a participant of kind SIP with one audio track.

Owns: the token with the dispatch rule's room configuration, publishing what the telephone says, collecting what the room
says, keys in both directions. Refuses: SIP and RTP (`sandbox.sip_gateway`, `sandbox.rtp`).
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from livekit import api, rtc
from livekit.protocol.room import RoomConfiguration

from sandbox.rtp import FRAME, RATE, Samples, Voice

_STATUS = "sip.callStatus"
_TEN_MS = RATE // 100
_LEAVE_SECONDS = 3.0


@dataclass(frozen=True)
class Guest:
    """As whom a telephone joins. `status`: the call's, until it is told otherwise."""

    identity: str
    name: str
    attributes: Mapping[str, str] = field(repr=False)
    status: str = "ringing"
    metadata: str = ""


class SipRoom:
    """`subscribed` is set when there is somebody to hear, `gone` when the room has let go of us."""

    def __init__(self, voices: list[Voice], press: Callable[[int], None]) -> None:
        self._voices = voices
        self._press = press
        self._room = rtc.Room()
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=0)
        self._sending: asyncio.Queue[Samples] = asyncio.Queue(50)
        self._tasks: set[asyncio.Task[None]] = set()
        self.subscribed = asyncio.Event()
        self.gone = asyncio.Event()
        self._room.on("track_subscribed", self._heard_of)
        self._room.on("disconnected", self._let_go)
        self._room.on("sip_dtmf_received", self._told_to_press)

    async def join(
        self,
        url: str,
        key: tuple[str, str],
        *,
        room: str,
        guest: Guest,
        config: RoomConfiguration | None = None,
        listening: bool = True,
    ) -> str:
        """-> the participant's id. `key` is the API's key and secret. `listening`: hears the others from now on; else from
        `listen` on."""
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
        token = (
            api.AccessToken(*key)
            .with_identity(guest.identity)
            .with_name(guest.name)
            .with_metadata(guest.metadata)
            .with_kind("sip")
            .with_grants(grants)
            .with_attributes({**guest.attributes, _STATUS: guest.status})
            .with_ttl(timedelta(hours=24))
        )
        if config is not None:
            token = token.with_room_config(config)
        await self._room.connect(url, token.to_jwt(), rtc.RoomOptions(auto_subscribe=listening))
        track = rtc.LocalAudioTrack.create_audio_track(guest.identity, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)  # what agents listen to
        await self._room.local_participant.publish_track(track, options)
        self._run(self._send())
        return self._room.local_participant.sid

    def listen(self) -> None:
        """To everybody who is there, and who comes."""
        self._room.on("track_published", _subscribe)
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                _subscribe(publication)

    async def says(self, status: str) -> None:
        """dialing, ringing, active or hangup."""
        with contextlib.suppress(Exception):  # the room may be gone, which its SDK has no type for
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._room.local_participant.set_attributes({_STATUS: status})

    async def presses(self, code: int, digit: str) -> None:
        await self._room.local_participant.publish_dtmf(code=code, digit=digit)

    def heard(self, samples: Samples) -> None:
        """What the telephone says; the oldest goes where the room is too slow."""
        if self._sending.full():
            self._sending.get_nowait()
        self._sending.put_nowait(samples)

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._room.disconnect()
        await self._source.aclose()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _told_to_press(self, key: rtc.SipDTMF) -> None:
        self._press(key.code)

    def _let_go(self, *_: object) -> None:
        self.gone.set()

    def _heard_of(self, track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self.subscribed.set()
            self._run(self._listen(track))

    async def _send(self) -> None:
        while True:
            samples = await self._sending.get()
            for at in range(0, len(samples) - _TEN_MS + 1, _TEN_MS):
                data = samples[at : at + _TEN_MS].tobytes()
                await self._source.capture_frame(rtc.AudioFrame(data, RATE, 1, _TEN_MS))

    async def _listen(self, track: rtc.Track) -> None:
        voice = Voice()
        self._voices.append(voice)
        stream = rtc.AudioStream.from_track(track=track, sample_rate=RATE, num_channels=1, frame_size_ms=20)
        try:
            async for event in stream:
                samples = np.frombuffer(bytes(event.frame.data), dtype=np.int16)
                if len(samples) == FRAME:
                    voice.put(samples)
        finally:
            self._voices.remove(voice)
            await stream.aclose()


def _subscribe(publication: rtc.RemoteTrackPublication, *_: object) -> None:
    publication.set_subscribed(True)
