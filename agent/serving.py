"""What the framework's command line looks for: a global named `server`."""

from agent import logs
from agent.settings import load_settings
from agent.worker import build_server

_settings = load_settings(for_worker=True)
logs.set_up(_settings.ava_log_level)
server = build_server(_settings)
