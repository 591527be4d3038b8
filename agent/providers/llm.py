"""The language model and the one that steps in when it fails."""

import asyncio
import importlib
from collections.abc import Sequence

import httpx2
import openai as provider
from livekit.agents import NOT_GIVEN, llm
from livekit.plugins import openai

from agent.settings import Settings
from contracts.call import CallContext
from store.client import trusted_authorities

# Seconds. A caller checks the line after about 1.5 s of silence; with the first model given up at 2.5 s the second
# one's first sentence is still heard before 4 s.
ATTEMPT_TIMEOUT = 2.5
_HTTP = httpx2.Timeout(
    5.0, connect=15.0
)  # the plugin's own, for a client that it makes itself; each request brings its own
_KEPT_ALIVE = 120.0  # seconds
_IMPORTED_LATE = ("resources.chat", "resources.models", "pagination", "lib.streaming.chat")


class Models(llm.FallbackAdapter):
    """One after the other until one answers; closed together, with the connections they share, which the framework's adapter
    leaves to its owner."""

    def __init__(self, models: Sequence[openai.LLM], client: provider.AsyncClient) -> None:
        super().__init__(
            [*models],
            attempt_timeout=ATTEMPT_TIMEOUT,
            max_retry_per_llm=0 if len(models) > 1 else 1,
            retry_interval=0.1,
            sticky=True,
        )
        self._owned = models
        self._client = client

    async def aclose(self) -> None:
        await super().aclose()
        await asyncio.gather(*(model.aclose() for model in self._owned))
        await self._client.close()


def build_llm(context: CallContext, settings: Settings) -> Models:
    described = context.config.language_model
    models = [described.model or settings.llm_model, described.fallback_model or settings.llm_fallback_model]
    client = make_client(settings)
    return Models([_openai(model, context, client) for model in dict.fromkeys(models)], client)


def warm() -> None:
    """The provider's client imports most of itself on first use, which would be the first caller's first words."""
    for part in _IMPORTED_LATE:
        importlib.import_module(f"openai.{part}")


def make_client(settings: Settings) -> provider.AsyncClient:
    """One for all models of a call: each that the plugin makes itself would read the trusted authorities anew."""
    return provider.AsyncClient(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=str(settings.openai_base_url).rstrip("/"),
        max_retries=0,  # the adapter's are enough
        http_client=httpx2.AsyncClient(
            timeout=_HTTP,
            follow_redirects=True,
            limits=httpx2.Limits(keepalive_expiry=_KEPT_ALIVE),
            verify=trusted_authorities(),
        ),
    )


def _openai(model: str, context: CallContext, client: provider.AsyncClient) -> openai.LLM:
    temperature = context.config.language_model.temperature
    return openai.LLM(
        model=model,
        client=client,
        prompt_cache_key=f"{context.assistant_id}:{context.version}",  # calls of one version share a cached prefix
        parallel_tool_calls=True,
        temperature=NOT_GIVEN if temperature is None else temperature,
    )
