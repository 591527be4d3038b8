"""RTP with G.711 µ-law: one call's socket, what comes in and what goes out, 20 ms at a time.

Owns: the codec, packets, keys (RFC 4733), and the pace of sending. Refuses: where audio comes from or goes to
(`sandbox.sip_room`).
"""

import asyncio
import contextlib
import random
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

RATE: Final = 8_000
FRAME: Final = 160  # samples, 20 ms
_PCMU = 0
_HEADER = struct.Struct("!BBHII")
_BEGIN = 2  # frames that are waiting when playing begins: 40 ms for the unevenness of what comes
_MOST = 25
_SILENT_EVERY = 50  # packets, 1 s: of silence that is suppressed
_KEYS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_EVENT_STEPS, _EVENT_ENDS, _EVENT_LOUDNESS = 5, 3, 10  # a key is held for 100 ms; its end is said three times
PRESSED: Final = _EVENT_STEPS + _EVENT_ENDS  # frames
_KEYS_WAITING = 32 * 25  # half a second of each, as livekit-sip takes for one

Samples = npt.NDArray[np.int16]


def _decoding() -> Samples:
    """G.711: every code's sample."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoding() -> npt.NDArray[np.uint8]:
    """The nearest code of every sample, by its 16 bits."""
    by_value = np.argsort(_DECODE, kind="stable")
    values = _DECODE[by_value].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    after = np.searchsorted(values, samples).clip(1, len(values) - 1)
    nearer = np.where(samples - values[after - 1] <= values[after] - samples, after - 1, after)
    table = np.empty(65536, dtype=np.uint8)
    table[samples.astype(np.int16).view(np.uint16)] = by_value[nearer]
    return table


_DECODE: Final = _decoding()
_ENCODE: Final = _encoding()


def decode(payload: bytes) -> Samples:
    return _DECODE[np.frombuffer(payload, dtype=np.uint8)]


def encode(samples: Samples) -> bytes:
    return _ENCODE[samples.view(np.uint16)].tobytes()


class Voice:
    """One voice of those that are sent together: what has come of it and is not played yet."""

    def __init__(self) -> None:
        self._waiting: deque[Samples] = deque()
        self._playing = False

    def put(self, samples: Samples) -> None:
        self._waiting.append(samples)
        if len(self._waiting) > _MOST:
            self._waiting.popleft()

    def forget(self) -> None:
        """What came before anybody listened is not played late."""
        self._waiting.clear()
        self._playing = False

    def next(self) -> Samples | None:
        """20 ms; None while it is silent, or waits for enough to begin."""
        if not self._playing and len(self._waiting) < _BEGIN:
            return None
        self._playing = bool(self._waiting)
        return self._waiting.popleft() if self._waiting else None


class MediaPort(asyncio.DatagramProtocol):
    """A call's RTP. `heard` gets 20 ms of samples as they come, `pressed` a key once it is let go."""

    def __init__(self, heard: Callable[[Samples], None], pressed: Callable[[int, str], None]) -> None:
        self._heard = heard
        self._pressed = pressed
        self._transport: asyncio.DatagramTransport | None = None
        self._keys: int | None = None
        self._last_key = -1  # its time stamp: the end of a key is sent three times
        self._pressing: deque[tuple[int, int, bool]] = deque(maxlen=_KEYS_WAITING)  # code, samples so far, over
        self.voices: list[Voice] = []
        self.suppresses_silence = False
        """As many telephones do: where nothing is said nothing is sent, but for a packet now and then."""
        self.last_heard = time.monotonic()
        self.received = asyncio.Event()

    async def open(self, host: str, ports: range) -> int:
        """-> the port. Raises OSError when none is free."""
        loop = asyncio.get_running_loop()
        for port in random.sample(ports, len(ports)):
            with contextlib.suppress(OSError):
                await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
                return port
        raise OSError("no port is free for another call")

    def expect_keys(self, payload_type: int | None) -> None:
        self._keys = payload_type

    def press(self, code: int) -> None:
        """Sends a key, after those that wait. Nothing happens where the far end takes none."""
        if self._keys is None or not 0 <= code < len(_KEYS):
            return
        self._pressing.extend((code, FRAME * step, False) for step in range(1, _EVENT_STEPS + 1))
        self._pressing.extend([(code, FRAME * _EVENT_STEPS, True)] * _EVENT_ENDS)

    def pause(self, frames: int) -> None:
        """Between keys."""
        self._pressing.extend([(-1, 0, False)] * frames)

    @property
    def is_pressing(self) -> bool:
        return bool(self._pressing)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) <= _HEADER.size or data[0] >> 6 != 2:
            return
        self.last_heard = time.monotonic()
        self.received.set()
        kind, payload = data[1] & 0x7F, data[_HEADER.size + 4 * (data[0] & 0x0F) :]
        if kind == _PCMU:
            self._heard(decode(payload))
        elif kind == self._keys and len(payload) >= 4:
            self._key(int.from_bytes(data[4:8], "big"), payload)

    def _key(self, stamp: int, payload: bytes) -> None:
        code, over = payload[0], bool(payload[1] & 0x80)
        if over and stamp != self._last_key and code < len(_KEYS):
            self._last_key = stamp
            self._pressed(code, _KEYS[code])

    async def send_forever(self, host: str, port: int) -> None:
        """All voices together, in packets of 20 ms on an even clock, until cancelled; silence as `suppresses_silence` says."""
        sequence, stamp, source = random.getrandbits(16), random.getrandbits(31), random.getrandbits(32)
        silence = np.zeros(FRAME, dtype=np.int16)
        due = time.monotonic()
        key_began = 0
        while self._transport is not None and not self._transport.is_closing():
            parts = [part for voice in self.voices if (part := voice.next()) is not None]
            mixed = parts[0] if len(parts) == 1 else _mix(parts) if parts else silence
            code, held, over = self._pressing.popleft() if self._pressing else (-1, 0, False)
            if self.suppresses_silence and not parts and code < 0 and sequence % _SILENT_EVERY:
                pass
            elif code < 0:
                header = _HEADER.pack(0x80, _PCMU, sequence & 0xFFFF, stamp & 0xFFFFFFFF, source)
                self._transport.sendto(header + encode(mixed), (host, port))
            else:
                first = held == FRAME
                key_began = stamp if first else key_began
                kind = (self._keys or 0) | (0x80 if first else 0)
                header = _HEADER.pack(0x80, kind, sequence & 0xFFFF, key_began & 0xFFFFFFFF, source)
                event = _EVENT.pack(code, _EVENT_LOUDNESS | (0x80 if over else 0), held)
                self._transport.sendto(header + event, (host, port))
            sequence, stamp, due = sequence + 1, stamp + FRAME, due + FRAME / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _mix(parts: list[Samples]) -> Samples:
    return np.clip(np.sum([part.astype(np.int32) for part in parts], axis=0), -32768, 32767).astype(np.int16)
