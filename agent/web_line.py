"""The line of a test call: somebody of the business in a browser, in a LiveKit room."""

from collections.abc import Callable

from agent.handover import Consult
from agent.line import RoomLine
from contracts.call import TransferResult


class WebLine(RoomLine):
    """Has no keys, and rings nobody: a transfer is told as not possible, as it is where nobody answers."""

    def on_key(self, pressed: Callable[[str], None]) -> bool:
        return False

    async def press(self, keys: str) -> bool:
        return False

    async def transfer(self, number: str, consult: Consult | None = None) -> TransferResult:
        return "unavailable"
