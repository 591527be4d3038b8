"""The worker as it ships, but for one thing: all its calls are threads of one process. What `bench.calls` compares with.

`python -m livekit.agents start bench/threaded.py`: like `agent/serving.py`, a global named `server` is what is looked for.
"""

from livekit.agents import JobExecutorType

from agent import logs
from agent.settings import load_settings
from agent.worker import build_server

_settings = load_settings(for_worker=True)
logs.set_up(_settings.ava_log_level)
server = build_server(_settings)
server.update_options(job_executor_type=JobExecutorType.THREAD)
