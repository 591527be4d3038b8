"""What onboarding asks of others; `control_api.app` names who answers."""

from typing import Protocol

from contracts.assistant import AssistantConfig, Industry, Language


class PresetShelf(Protocol):
    def find(self, industry: Industry, language: Language) -> AssistantConfig | None: ...
