"""What the API gives of presets."""

from pydantic import BaseModel, Field

from contracts.assistant import AssistantConfig, Industry, Language, Tone


class PresetSummary(BaseModel):
    industry: Industry
    language: Language
    name: str = Field(description="the business it is written as")
    tone: Tone
    greeting: str
    services: list[str]


class PresetDetail(PresetSummary):
    config: AssistantConfig
