"""What a notice is answered that can't be believed."""

from control_api.errors import Problem


class NotSigned(Problem):
    code, status, title = "webhook_not_signed", 401, "Not signed by LiveKit"
    example = "sign the body with this deployment's LiveKit key: the webhook's api_key must be LIVEKIT_API_KEY"
