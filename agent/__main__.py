"""`python -m agent start`: the production worker. `python -m agent check`: are the settings complete and accepted?"""

import asyncio
import sys
from pathlib import Path

from livekit.agents.__main__ import main as framework

from agent.preflight import check_keys
from agent.settings import SettingsMissing, load_settings

_USAGE = "usage: python -m agent start | check"


def main(arguments: list[str]) -> int:
    """0; 2 with a message that names each variable that is missing or whose key is refused."""
    match arguments:
        case ["start", *options]:
            return framework(["start", str(Path(__file__).with_name("serving.py")), *options]) if _ready() else 2
        case ["check"]:
            return 0 if _ready() else 2
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2


def _ready() -> bool:
    try:
        settings = load_settings(for_worker=True)
    except SettingsMissing as error:
        sys.stderr.write(f"{error}\n")
        return False
    findings = asyncio.run(check_keys(settings))
    for finding in findings:
        sys.stderr.write(f"{finding.variable}: {finding.state}{': ' + finding.advice if finding.advice else ''}\n")
    return all(finding.state != "refused" for finding in findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
