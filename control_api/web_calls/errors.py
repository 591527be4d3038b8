"""What can go wrong with a test call, beyond what every noun answers."""

from control_api.errors import Conflict, NotFound


class NothingToTry(NotFound):
    code, title = "not_found", "No such assistant"
    example = "there is no such assistant"


class VersionUnreadable(Conflict):
    code, title = "config_unreadable", "A stored version can't be read"
    example = "version 3 can't be read by this release: write a new one"


class NotPublished(Conflict):
    code, title = "not_published", "There is no published version"
    example = "this assistant was never published: try its draft, or publish it first"


class AssistantArchived(Conflict):
    code, title = "conflict", "Archived"
    example = "this assistant is archived: restore it first"


class RoomsNotConfigured(Conflict):
    code, title = "line_not_configured", "This deployment can't make calls"
    example = "this deployment has no LiveKit: its operator sets LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET"
