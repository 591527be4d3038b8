"""What can go wrong with voices, beyond what every noun answers."""

from typing import ClassVar

from control_api.errors import InvalidRequest, NotFound, Unavailable


class VoiceNotFound(NotFound):
    code, title = "voice_not_found", "No such voice"
    example = "the provider has no such voice: see GET /v1/voices"


class ModelUnsuitable(InvalidRequest):
    code, title = "model_unsuitable", "The model does not suit"
    example = "eleven_flash_v2_5 does not speak Hebrew: see GET /v1/voices/models"


class VoicesUnavailable(Unavailable):
    """The provider can't be asked now. Nothing is known of any voice."""

    code, title = "voices_unavailable", "The voice provider can't be asked just now"
    example = "the voice provider did not answer in time: send it again"
    retryable: ClassVar[bool] = True


class VoiceQuotaExhausted(Unavailable):
    """The deployment's characters at the provider are used up. Its key is sound."""

    code, title = "voice_quota_exhausted", "No more speech this month"
    example = "the characters of this deployment at the voice provider are used up: its operator must look"
    retryable: ClassVar[bool] = True
