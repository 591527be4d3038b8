"""What the service of voices asks of others; `control_api.app` names who answers."""

from collections.abc import Sequence
from typing import Protocol

from contracts.assistant import Language
from control_api.voices.model import SpeechModel, Voice


class VoiceLibrary(Protocol):
    """Every method raises VoicesUnavailable and VoiceQuotaExhausted."""

    async def voices(self) -> Sequence[Voice]:
        """All there are, as they were a few minutes ago at most."""
        ...

    async def find_voice(self, voice_id: str) -> Voice | None: ...

    async def models(self) -> Sequence[SpeechModel]:
        """Those that make speech of text."""
        ...

    async def find_recording(self, url: str) -> bytes | None:
        """A sample as MP3; None: it is not there, is none, or lies at a host that is not the provider's."""
        ...

    async def speak(self, voice_id: str, text: str, *, language: Language, model: str) -> bytes:
        """MP3. Raises VoiceNotFound and ModelUnsuitable too. Costs characters."""
        ...


class Allowance(Protocol):
    async def spend(self, who: str) -> None:
        """Raises RateLimited."""
        ...
