"""Presets, as the API shows them. The same for everybody."""

from dataclasses import dataclass

from contracts.assistant import AssistantConfig, Industry, Language
from control_api.errors import NotFound
from control_api.presets.schemas import PresetDetail, PresetSummary
from control_api.presets.shelf import Shelf


@dataclass(frozen=True)
class PresetService:
    shelf: Shelf

    def find_all(self, *, industry: Industry | None, language: Language | None) -> list[PresetSummary]:
        return [_summary(config) for config in self.shelf.find_all(industry, language)]

    def get(self, industry: Industry, language: Language) -> PresetDetail:
        config = self.shelf.find(industry, language)
        if config is None:
            raise NotFound(f"there is no preset for {industry} in {language}: see GET /v1/presets")
        return PresetDetail(**_summary(config).model_dump(), config=config)


def _summary(config: AssistantConfig) -> PresetSummary:
    return PresetSummary(
        industry=config.business.industry,
        language=config.language,
        name=config.business.name,
        tone=config.tone,
        greeting=config.greeting,
        services=[service.name for service in config.services],
    )
