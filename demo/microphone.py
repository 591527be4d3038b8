"""A call through this machine's microphone and loudspeaker. Use headphones: there is no echo canceller here.

Owns: the devices and the 20 ms clock they give. What it can't do: run where there is no sound card, which it says.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit.agents import Agent, AgentSession

from agent.handover import Consult
from contracts.call import InboundCall, TransferResult
from demo.sound import RATE, SILENCE, TICK, TICK_BYTES, Ear, Mouth

_AHEAD = 3  # ticks of AVA's audio that wait for the sound card: less clicks, more delays interruptions


@dataclass(frozen=True)
class Microphone:
    """`name` of the input device, for the screen."""

    name: str

    def line(self, inbound: InboundCall) -> "MicrophoneLine":
        return MicrophoneLine(inbound)


def find_microphone() -> tuple[Microphone | None, str]:
    """The default devices, or why there are none."""
    try:
        import sounddevice  # loads PortAudio, which may be missing
    except OSError as error:
        return None, f"PortAudio can't be loaded ({error})"
    try:
        device: Any = sounddevice.query_devices(kind="input")
        sounddevice.check_input_settings(samplerate=RATE, channels=1, dtype="int16")
        sounddevice.check_output_settings(samplerate=RATE, channels=1, dtype="int16")
    except (sounddevice.PortAudioError, ValueError) as error:
        return None, f"this machine has no usable sound device ({error})"
    return Microphone(str(device["name"])), ""


class MicrophoneLine:
    """Until AVA hangs up or Ctrl-C."""

    def __init__(self, inbound: InboundCall) -> None:
        self._inbound = inbound
        self._ear = Ear()
        self._mouth = Mouth()
        self._out: deque[bytes] = deque(maxlen=50)
        self._down = asyncio.Event()
        self._clock: asyncio.Task[None] | None = None

    @property
    def inbound(self) -> InboundCall:
        return self._inbound

    async def start(self, session: AgentSession[Any], agent: Agent) -> None:
        session.input.audio = self._ear
        session.output.audio = self._mouth
        self._clock = asyncio.create_task(self._run())
        await session.start(agent)

    async def hang_up(self) -> None:
        self._down.set()
        if self._clock is not None:
            await self._clock

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        return False

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        return "unavailable"

    async def _run(self) -> None:
        import sounddevice

        loop = asyncio.get_running_loop()
        heard = self._on_loop(loop, self._ear.push)
        frames = TICK_BYTES // 2

        def record(data: Any, *_: Any) -> None:
            heard(bytes(data))

        def play(data: Any, *_: Any) -> None:
            data[:] = self._out.popleft() if self._out else SILENCE

        settings: dict[str, Any] = {"samplerate": RATE, "channels": 1, "dtype": "int16", "blocksize": frames}
        with (
            sounddevice.RawInputStream(callback=record, **settings),
            sounddevice.RawOutputStream(callback=play, **settings),
        ):
            while not self._down.is_set():
                while len(self._out) < _AHEAD:
                    self._out.append(self._mouth.tick())
                await asyncio.sleep(TICK / 2)

    @staticmethod
    def _on_loop(loop: asyncio.AbstractEventLoop, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """PortAudio calls from a thread of its own."""

        def handed_over(frame: bytes) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(take, frame)

        return handed_over
