"""A browser that a program holds in its hand: Debian's Chromium without a screen, with a recording for a microphone.

Owns: starting it, its control channel (the DevTools protocol), what a person does in it (look, click, type) and what it
complains of. Refuses: knowing a page.

It reaches loopback and nothing else. As root it runs without Chromium's own sandbox, which root can't have.

What it cannot show: a real microphone and loudspeaker, echo, other browsers, a telephone's own dialogs.
"""

import asyncio
import base64
import contextlib
import json
import os
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from websockets.asyncio.client import ClientConnection, connect

from sandbox.postgres import SandboxError
from sandbox.programs import CHROMIUM, get_programs
from sandbox.servers import Server

Microphone = Path | Literal["denied", "none"]
"""A WAV that is spoken over and over; or a person who says no; or a machine that has none."""

_ANSWER_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_MOST_BYTES = 64 * 1024 * 1024  # of one message: a screenshot
_ALWAYS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=MediaRouter,OptimizationHints,WebRtcHideLocalIpsWithMdns,DialMediaRouteProvider",
    "--allow-loopback-in-peer-connection",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--remote-debugging-port=0",
    "--mute-audio",
)


class Browser:
    """``async with Browser(microphone=…) as page``: one tab, empty. Raises ProgramMissing, SandboxError."""

    def __init__(self, *, microphone: Microphone) -> None:
        self._microphone: Microphone = microphone
        self._stack = contextlib.AsyncExitStack()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []
        """Errors of the page's scripts, and what its policy refused."""

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
        await self._stack.aclose()

    async def _start(self) -> None:
        program = get_programs([CHROMIUM])[CHROMIUM.name]
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="ava-browser-")))
        profile = folder / "profile"
        command = [program, *_ALWAYS, *_hearing(self._microphone), f"--user-data-dir={profile}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")
        server = Server(
            "chromium", command, log=folder / "chromium.log", folder=folder, environment={"HOME": str(folder)}
        )
        self._stack.push_async_callback(server.stop)
        port_file = profile / "DevToolsActivePort"

        async def ready() -> bool:
            return port_file.exists() and len(port_file.read_text().split()) == 2

        await server.start(ready, seconds=30)
        port, path = port_file.read_text().split()
        self._socket: ClientConnection = await self._stack.enter_async_context(
            connect(f"ws://127.0.0.1:{port}{path}", max_size=_MOST_BYTES, proxy=None)
        )
        listening = asyncio.create_task(self._listen())
        self._stack.callback(listening.cancel)
        targets = (await self._send("Target.getTargets"))["targetInfos"]
        [tab] = [one["targetId"] for one in targets if one["type"] == "page"]
        attached = await self._send("Target.attachToTarget", targetId=tab, flatten=True)
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility"):
            await self._ask(f"{domain}.enable")

    # looking and acting

    async def opens(self, url: str) -> None:
        """Returns when the page is loaded."""
        self._loaded.clear()
        said = await self._ask("Page.navigate", url=url)
        if said.get("errorText"):
            raise SandboxError(f"the browser can't open {url}: {said['errorText']}")
        async with asyncio.timeout(_ANSWER_SECONDS):
            await self._loaded.wait()

    async def evaluate(self, expression: str) -> Any:
        """In the page -> what it gives, as JSON. Raises SandboxError with what the page threw."""
        said = await self._ask(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=False
        )
        if "exceptionDetails" in said:
            thrown = said["exceptionDetails"]
            raise SandboxError(str(thrown.get("exception", {}).get("description") or thrown["text"]))
        return said["result"].get("value")

    async def until(self, expression: str, *, seconds: float = 20.0) -> Any:
        """Until it gives something true -> that. Raises SandboxError with what is on the page."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := await self.evaluate(expression)):  # noqa: ASYNC110 - a page wakes nobody here
                    await asyncio.sleep(_LOOK_SECONDS)
                return found
        except TimeoutError:
            shown = await self.evaluate("document.body.innerText")
            raise SandboxError(f"not within {seconds:g} s: {expression}; the page shows: {shown}") from None

    async def reads(self, selector: str) -> str:
        """What a person sees there; "" where it is hidden or not at all."""
        return str(
            await self.evaluate(
                f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
                " return e && e.checkVisibility() ? e.innerText : ''; })()"
            )
        )

    async def clicks(self, selector: str) -> None:
        """With the mouse, in the middle of what is shown. Raises SandboxError where there is nothing to be clicked."""
        place = await self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " if (!e || !e.checkVisibility() || e.disabled) return null; e.scrollIntoView({block: 'center'});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        if place is None:
            raise SandboxError(f"there is nothing to click at {selector}")
        for kind in ("mousePressed", "mouseReleased"):
            await self._ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def types(self, text: str) -> None:
        """Where the focus is."""
        await self._ask("Input.insertText", text=text)

    async def presses(self, key: Literal["Tab", "Enter", " "]) -> None:
        code, number, text = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), " ": ("Space", 32, " ")}[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        await self._ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self._ask("Input.dispatchKeyEvent", type="keyUp", **common)

    async def looks(self, *, width: int, height: int = 800, dark: bool = False) -> None:
        """The window's size in CSS pixels; a narrow one is a telephone's. Light or dark as its owner likes."""
        await self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self._ask("Emulation.setEmulatedMedia", features=[scheme])

    async def screenshot(self, path: Path) -> None:
        said = await self._ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(said["data"]))

    async def accessible(self) -> list[tuple[str, str]]:
        """(role, name) of everything that assistive technology is told of."""
        nodes = (await self._ask("Accessibility.getFullAXTree"))["nodes"]
        return [
            (str(node["role"]["value"]), str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node.get("ignored") and "role" in node
        ]

    # the control channel

    async def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return await self._send(method, session=self._session, **parameters)

    async def _send(self, method: str, *, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send(json.dumps({**message, "sessionId": session} if session else message))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                said = await answer
        except TimeoutError:
            raise SandboxError(f"the browser did not answer to {method}") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in said:
            raise SandboxError(f"the browser refused {method}: {said['error'].get('message')}")
        return dict(said.get("result") or {})

    async def _listen(self) -> None:
        async for text in self._socket:
            message: dict[str, Any] = json.loads(text)
            waiting = self._waiting.get(message.get("id", 0))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            elif "method" in message:
                self._happened(message["method"], message.get("params", {}))

    def _happened(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                self.complaints.append(str(details.get("exception", {}).get("description") or details["text"]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}".strip())
            case _:
                pass


def _hearing(microphone: Microphone) -> list[str]:
    match microphone:
        case "denied":
            return ["--use-fake-device-for-media-stream", "--deny-permission-prompts"]
        case "none":
            return ["--use-fake-ui-for-media-stream", "--disable-audio-input"]
        case Path():
            return [
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
            ]
