"""The running control plane with its voices begun anew: nothing kept of what the provider said, or another key at it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from control_api.rate_limits import Allowance
from control_api.voices.elevenlabs import ElevenLabsLibrary
from control_api.voices.previews import PreviewShelf
from control_api.voices.service import VoiceService
from tests.fakes.control_plane import ControlPlane


@asynccontextmanager
async def voices_anew(plane: ControlPlane, **changes: Any) -> AsyncGenerator[None]:
    """`changes` are settings that differ meanwhile. Composed as `control_api.app` does, without the rest of the app."""
    settings = plane.settings.model_copy(update=changes)
    services = plane.app.state.provided
    before = services[VoiceService]
    async with httpx.AsyncClient() as http:
        library = ElevenLabsLibrary(http, base_url=str(settings.eleven_base_url), api_key=settings.eleven_api_key)
        allowance = Allowance("voice previews", settings.ava_voice_previews_per_tenant)
        services[VoiceService] = VoiceService(library, PreviewShelf(most_bytes=8 * 1024 * 1024), allowance)
        try:
            yield
        finally:
            services[VoiceService] = before
