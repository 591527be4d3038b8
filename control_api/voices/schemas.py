"""What the API gives of voices."""

from pydantic import BaseModel, Field

from contracts.assistant import Language
from control_api.voices.model import Fit, Gender


class VerifiedLanguage(BaseModel):
    """A language that the provider vouches for, and the models it does so with."""

    language: str = Field(examples=["fr"])
    models: list[str]
    accent: str


class VoiceSummary(BaseModel):
    voice_id: str = Field(description="what an assistant's `voice.voice_id` takes")
    name: str
    category: str = Field(examples=["premade"])
    description: str
    language: str | None = Field(description="the voice's own, ISO 639-1")
    gender: Gender | None
    accent: str
    age: str
    use_case: str
    languages: list[VerifiedLanguage]
    fit: Fit | None = Field(
        default=None,
        description="for the language that was asked for: its own, one it is verified for, or one that only the model speaks",
    )
    preview: str = Field(description="where to listen", examples=["/v1/voices/EXAVITQu4vr4xnSDxMaL/preview"])


class ModelSummary(BaseModel):
    model_id: str = Field(description="what an assistant's `voice.model` takes", examples=["eleven_flash_v2_5"])
    name: str
    languages: list[str] = Field(description="ISO 639-1 codes", examples=[["en", "fr"]])
    speaks: list[Language] = Field(description="of the languages that assistants have")
