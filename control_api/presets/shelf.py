"""The files of `presets/`, read once. Owns: which there are. Refuses: changing one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from contracts.assistant import AssistantConfig, Industry, Language

# libyaml's, where PyYAML was built with it: ten times as fast, and just as safe
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER = Path(__file__).resolve().parents[2] / "presets"


@dataclass(frozen=True)
class Shelf:
    _presets: Mapping[tuple[str, str], AssistantConfig]

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Self:
        """Raises pydantic.ValidationError for a file that is no whole assistant: at start, not at a request."""
        found: dict[tuple[str, str], AssistantConfig] = {}
        for path in sorted(folder.glob("*.yaml")):
            config = AssistantConfig.model_validate(yaml.load(path.read_bytes(), Loader=_LOADER))
            found[config.business.industry, config.language] = config
        return cls(found)

    def find(self, industry: Industry, language: Language) -> AssistantConfig | None:
        return self._presets.get((industry, language))

    def find_all(self, industry: Industry | None, language: Language | None) -> Iterator[AssistantConfig]:
        for config in self._presets.values():
            if industry in (None, config.business.industry) and language in (None, config.language):
                yield config
