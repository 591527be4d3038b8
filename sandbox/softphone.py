"""A SIP telephone that a program holds in its hand: baresip, which dials or is rung, speaks recordings, presses keys, hears,
and hangs up.

Owns: baresip's configuration and its control channel, and what it sends and records. Refuses: when to say what
(`demo.phone`), judging.

A telephone that is transferred (REFER) rings where it is sent by itself; `line` goes on with whoever it talks to then.

It is somebody else's telephone, so that what rings AVA was not written by who wrote AVA. It speaks by being given another
file as its microphone: the recording, then silence for as long as a call may take.

What it cannot show: a carrier's network between telephone and LiveKit; a codec but G.711 µ-law; declining with 603, which
baresip 1.0 has no word for (`decline` is 486).
"""

import asyncio
import contextlib
import json
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.callers import get_recording
from sandbox.postgres import SandboxError, free_port
from sandbox.programs import BARESIP, get_programs
from sandbox.servers import Server, free_udp_port
from sandbox.two_way import LOOK_SECONDS, RATE, Growing, Spoken, TwoWay

_MODULES = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")
_LONGEST = 180  # seconds; baresip hangs up when its microphone's file ends
_MEDIA_PORTS = "30000-32000"
_COMMAND_SECONDS = 5.0
_BEGINS = ("CALL_INCOMING", "CALL_OUTGOING", "CALL_RINGING", "CALL_PROGRESS", "CALL_ESTABLISHED")
_KEY_SECONDS = 0.3  # from one key to the next: pressed and let go
_CONFIG = """\
sip_listen 127.0.0.1:{sip_port}
ctrl_tcp_listen 127.0.0.1:{control_port}
audio_source aufile,{folder}/silence.wav
audio_player aubridge,nobody
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
jitter_buffer_delay 0-0
rtp_ports {media}
snd_path {folder}/heard
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class NotAnswered(Exception):
    """The call did not come about; the message is what the telephone was told."""


class SoftPhone:
    """``async with SoftPhone(number="+33612345678") as phone``; number None: it withholds it. For one call, and those that
    it is transferred to. `sip_port`: where it can be rung.

    `ringing_at` and `answered_at` are times of `time.monotonic`. Raises ProgramMissing or SandboxError when it does not
    come up.
    """

    def __init__(self, *, number: str | None, sip_port: int | None = None) -> None:
        self._sip_port = sip_port
        user = f"{number}@127.0.0.1" if number else "anonymous@anonymous.invalid"
        self._account = f"<sip:{user}>;regint=0;call_transfer=yes;audio_codecs=PCMU/8000/1\n"
        self._stack = contextlib.AsyncExitStack()
        self._control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._established = asyncio.Event()
        self._open: set[str] = set()  # calls, by SIP's id
        self.rung = asyncio.Event()
        self.rung_by = ""
        self.transferred_at = 0.0
        self.pressed: list[tuple[float, str]] = []  # by the far end (RFC 4733): when, which key
        self.closed = asyncio.Event()
        self.why_closed = ""
        self.line = TwoWay()
        self.dialed_at = self.ringing_at = self.answered_at = self.closed_at = 0.0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self.closed.is_set() and self._established.is_set():
            with contextlib.suppress(TimeoutError, SandboxError):
                await self.hang_up()
        await self._stack.aclose()

    async def _start(self) -> None:
        program = get_programs([BARESIP])[BARESIP.name]
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ava-telephone-")))
        control_port = free_port()
        (self._folder / "heard").mkdir()
        (self._folder / "accounts").write_text(self._account)
        (self._folder / "config").write_text(
            _CONFIG.format(
                sip_port=self._sip_port or free_udp_port(also_tcp=True),
                control_port=control_port,
                folder=self._folder,
                media=_MEDIA_PORTS,
                modules=_modules(),
            )
        )
        _write_wav(self._folder / "silence.wav", b"")
        log = self._folder / "baresip.log"
        self._server = Server("baresip", [program, "-4", "-f", self._folder], log=log, folder=self._folder)
        self._stack.push_async_callback(self._server.stop)

        async def ready() -> bool:
            if not self._server.said("baresip is ready"):
                return False
            self._control = await asyncio.open_connection("127.0.0.1", control_port)
            return True

        await self._server.start(ready, seconds=10)
        assert self._control is not None
        self._stack.callback(self._control[1].close)
        for task in (self._listen(self._control[0]), self._record()):
            running = asyncio.create_task(task)
            self._stack.callback(running.cancel)

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def now(self) -> float:
        """Seconds since the call was answered."""
        return time.monotonic() - self.answered_at

    # acting

    async def dial(self, address: str, *, seconds: float = 20.0) -> None:
        """Returns when it is answered. Raises NotAnswered."""
        self.dialed_at = time.monotonic()
        await self._command("dial", address)
        waits = [asyncio.create_task(event.wait()) for event in (self._established, self.closed)]
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not done:
            raise NotAnswered(f"no answer within {seconds:g} s")
        if not self._established.is_set():
            raise NotAnswered(self.why_closed)

    async def until_rung(self, *, seconds: float = 20.0) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self.rung.wait()

    async def answer(self) -> None:
        """Picks up."""
        await self._command("accept")
        async with asyncio.timeout(_COMMAND_SECONDS):
            await self._established.wait()

    async def decline(self) -> None:
        """Turns the call away that rings: busy here."""
        await self._command("hangup")
        await self.until_closed(_COMMAND_SECONDS)

    async def press(self, keys: str) -> None:
        """One after the other, by RFC 4733."""
        for key in keys:
            await self._command("sndcode", key)
            await asyncio.sleep(_KEY_SECONDS)

    async def say(self, utterance: str) -> None:
        """Speaks a recording of `sandbox.callers`; returns when its last sample is sent, or the line is down."""
        recording = get_recording(utterance, rate_hz=RATE)
        path = self._folder / f"say-{len(self.line.spoken)}.wav"
        _write_wav(path, recording.pcm)
        await self._command("ausrc", f"aufile,{path}")
        sent = self.line.caller
        began, end = sent.seconds, sent.received + len(recording.pcm)
        while sent.received < end and not self.closed.is_set():  # noqa: ASYNC110 - a file's growth wakes nobody
            await asyncio.sleep(LOOK_SECONDS)
        ended = max((s.ended for s in sent.stretches if s.ended > began), default=sent.seconds)
        self.line.spoken.append(Spoken(utterance, began, ended))

    async def until_quiet(self, seconds: float, *, after: int = 0, patience: float = 20.0) -> bool:
        """Until the far end has begun more than `after` stretches of speech and been silent for so long; -> whether it
        has, or the line went down or patience ran out first."""
        ava = self.line.ava

        def is_quiet() -> bool:
            return len(ava.stretches) > after and not ava.speaking and ava.silent_for >= seconds

        return await self._until(is_quiet, patience)

    async def until_speech(self, *, patience: float = 15.0) -> bool:
        """Until the far end speaks; -> whether it does."""
        return await self._until(lambda: self.line.ava.speaking, patience)

    async def _until(self, holds: Callable[[], bool], patience: float) -> bool:
        deadline = time.monotonic() + patience
        while not holds():
            if self.closed.is_set() or time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    async def hang_up(self) -> None:
        """Fine when the line is down already."""
        if not self.closed.is_set():
            await self._command("hangup")
        await self.until_closed(_COMMAND_SECONDS)

    async def until_transferred(self, seconds: float) -> None:
        """Until whom the far end sent this telephone to has answered. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not self.transferred_at:  # noqa: ASYNC110 - its event says no more than that
                await asyncio.sleep(LOOK_SECONDS)

    async def until_closed(self, seconds: float) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await self.closed.wait()

    # the control channel: netstrings of JSON

    async def _command(self, name: str, value: str = "") -> None:
        if self._control is None:
            raise SandboxError("the telephone is not switched on")
        body = json.dumps({"command": name, "params": value}).encode()
        self._control[1].write(b"%d:%s," % (len(body), body))
        await self._control[1].drain()
        try:
            async with asyncio.timeout(_COMMAND_SECONDS):
                said = await self._answers.get()
        except TimeoutError:
            raise SandboxError(f"the telephone did not answer to {name}") from None
        if not said.get("ok"):
            raise SandboxError(f"the telephone refused {name}: {said.get('data')}")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            length = await reader.readuntil(b":")
            message: dict[str, Any] = json.loads((await reader.readexactly(int(length[:-1]) + 1))[:-1])
            if message.get("response"):
                self._answers.put_nowait(message)
            else:
                param = str(message.get("param") or message.get("peeruri") or "")
                self._happened(str(message.get("type")), param, str(message.get("id", "")))

    def _happened(self, event: str, param: str, call: str) -> None:
        now = time.monotonic()
        if event in _BEGINS:
            self._open.add(call)
        match event:
            case "CALL_INCOMING":
                self.rung_by = param
                self.rung.set()
            case "CALL_RINGING" | "CALL_PROGRESS":
                self.ringing_at = self.ringing_at or now
            case "CALL_ESTABLISHED" if self._established.is_set():
                self.transferred_at = now
            case "CALL_ESTABLISHED":
                self.answered_at = now
                self._established.set()
            case "CALL_DTMF_START":
                self.pressed.append((self.now, param))
            case "CALL_CLOSED":
                self._open.discard(call)
                if not self._open:
                    self.closed_at, self.why_closed = now, param
                    self.closed.set()
            case _:
                pass

    async def _record(self) -> None:
        """What is sent (`enc`) and heard (`dec`), as baresip writes it down; a call that it is transferred to has new files."""
        await self._established.wait()
        heard = self._folder / "heard"
        tracks = {"enc": self.line.caller, "dec": self.line.ava}
        files = {name: await _appearing(heard, f"*-{name}.wav") for name in tracks}
        growing = {name: Growing(path) for name, path in files.items()}
        while True:
            over = self.closed.is_set()
            for name, track in tracks.items():
                newest = max(heard.glob(f"*-{name}.wav"))
                if newest != files[name]:
                    files[name], growing[name] = newest, Growing(newest)
                track.take(growing[name].look(), self.now if not over else 0.0)
            if over:
                return
            await asyncio.sleep(LOOK_SECONDS)


async def _appearing(folder: Path, pattern: str) -> Path:
    while True:
        if found := sorted(folder.glob(pattern)):  # noqa: ASYNC240 - a folder of two files
            return found[0]
        await asyncio.sleep(LOOK_SECONDS)


def _modules() -> str:
    for folder in _MODULES:
        if (Path(folder) / "sndfile.so").exists():
            return folder
    raise SandboxError("baresip's modules are not where they are looked for: install Debian's baresip-core")


def _write_wav(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm + b"\0\0" * (RATE * _LONGEST))
