"""A Dockerfile as its instructions, and the folder that it makes of this checkout.

Owns: stages, and what of ours is copied. Refuses: running anything, and every form of Dockerfile that ours do not use.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Instruction:
    word: str
    rest: str


@dataclass(frozen=True)
class Dockerfile:
    text: str
    stages: tuple[tuple[Instruction, ...], ...]

    @classmethod
    def read(cls, name: str) -> "Dockerfile":
        text = (ROOT / name).read_text()
        plain = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
        found = [Instruction(*line.split(None, 1)) for line in plain.splitlines() if line.strip()]
        starts = [n for n, one in enumerate(found) if one.word == "FROM"]
        ends = [*starts[1:], len(found)]
        return cls(text, tuple(tuple(found[a:b]) for a, b in zip(starts, ends, strict=True)))

    @property
    def last(self) -> tuple[Instruction, ...]:
        """What is shipped."""
        return self.stages[-1]

    def all(self, word: str) -> list[str]:
        return [one.rest for stage in self.stages for one in stage if one.word == word]

    def of_last(self, word: str) -> list[str]:
        return [one.rest for one in self.last if one.word == word]

    @property
    def copied(self) -> dict[str, str]:
        """Of this checkout -> where to, below the working folder. Files of the build itself among them."""
        found: dict[str, str] = {}
        for rest in self.all("COPY"):
            if not rest.startswith("--from="):
                *sources, target = rest.split()
                found |= dict.fromkeys(sources, target)
        return found

    @property
    def environment(self) -> dict[str, str]:
        return {
            name: value
            for rest in self.of_last("ENV")
            for name, _, value in (pair.partition("=") for pair in rest.split())
        }

    def lay_out(self, folder: Path) -> None:
        """What the image has at its working folder."""
        for source, target in self.copied.items():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
