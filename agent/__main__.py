"""`python -m agent start`: the production worker. `python -m agent check`: are the settings complete?"""

import sys
from pathlib import Path

from livekit.agents.__main__ import main as framework

from agent.settings import SettingsMissing, load_settings

_USAGE = "usage: python -m agent start | check"


def main(arguments: list[str]) -> int:
    """0, or 2 with a message that names what is missing."""
    match arguments:
        case ["start", *options]:
            try:
                load_settings(for_worker=True)
            except SettingsMissing as error:
                sys.stderr.write(f"{error}\n")
                return 2
            return framework(["start", str(Path(__file__).with_name("serving.py")), *options])
        case ["check"]:
            try:
                load_settings(for_worker=True)
            except SettingsMissing as error:
                sys.stderr.write(f"{error}\n")
                return 2
            sys.stdout.write("settings complete\n")
            return 0
        case _:
            sys.stderr.write(f"{_USAGE}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
