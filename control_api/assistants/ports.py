"""What the service of assistants asks of others; `control_api.app` names who answers."""

from dataclasses import dataclass
from typing import Protocol

from contracts.assistant import AssistantConfig, Industry, Language


@dataclass(frozen=True)
class KnownVoice:
    voice_id: str
    name: str


class VoiceCatalogue(Protocol):
    """What the voice provider has. A DomainError that is retryable: it can't be asked now, and nothing is known."""

    async def find_voice(self, voice_id: str) -> KnownVoice | None: ...

    async def languages_of(self, model: str) -> frozenset[str] | None:
        """ISO 639-1 codes that the model speaks; None: there is no such model."""
        ...


class PresetShelf(Protocol):
    def find(self, industry: Industry, language: Language) -> AssistantConfig | None: ...
