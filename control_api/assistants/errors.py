"""What can go wrong with assistants, beyond what every noun answers."""

from control_api.errors import Conflict, InvalidRequest, NotFound


class AssistantNotFound(NotFound):
    code, title = "not_found", "No such assistant"
    example = "there is no such assistant"


class PresetUnknown(InvalidRequest):
    code, title = "preset_unknown", "No such preset"
    example = "there is no preset for beauty in it: see GET /v1/presets"


class ConfigInvalid(InvalidRequest):
    code, title = "config_invalid", "The configuration can't go live as it is"
    example = "1 setting needs a change: see errors"


class ConfigOutdated(Conflict):
    code, title = "config_unreadable", "A stored version can't be read"
    example = "version 3 can't be read by this release: write a new one"
