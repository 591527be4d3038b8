"""The language model and the one that steps in when it fails."""

import asyncio
from collections.abc import Sequence

from livekit.agents import NOT_GIVEN, llm
from livekit.plugins import openai

from agent.settings import Settings
from contracts.call import CallContext

# Seconds. A caller checks the line after about 1.5 s of silence; with the first model given up at 2.5 s the second
# one's first sentence is still heard before 4 s.
ATTEMPT_TIMEOUT = 2.5


class Models(llm.FallbackAdapter):
    """One after the other until one answers; closed together, which the framework's adapter leaves to its owner."""

    def __init__(self, models: Sequence[openai.LLM]) -> None:
        super().__init__(
            [*models],
            attempt_timeout=ATTEMPT_TIMEOUT,
            max_retry_per_llm=0 if len(models) > 1 else 1,
            retry_interval=0.1,
            sticky=True,
        )
        self._owned = models

    async def aclose(self) -> None:
        await super().aclose()
        await asyncio.gather(*(model.aclose() for model in self._owned))


def build_llm(context: CallContext, settings: Settings) -> Models:
    described = context.config.language_model
    models = [described.model or settings.llm_model, described.fallback_model or settings.llm_fallback_model]
    return Models([_openai(model, context, settings) for model in dict.fromkeys(models)])


def _openai(model: str, context: CallContext, settings: Settings) -> openai.LLM:
    temperature = context.config.language_model.temperature
    return openai.LLM(
        model=model,
        base_url=str(settings.openai_base_url).rstrip("/"),
        api_key=settings.openai_api_key.get_secret_value(),
        prompt_cache_key=f"{context.assistant_id}:{context.version}",  # calls of one version share a cached prefix
        parallel_tool_calls=True,
        temperature=NOT_GIVEN if temperature is None else temperature,
    )
