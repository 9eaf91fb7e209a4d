"""Configuration files in a directory of their own, loaded with an environment of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import hypothesis
import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Settings, load
from sqlite_recovery_tui.errors import ConfigError


class Loader(Protocol):
    """Writes a text to a file and loads it."""

    def __call__(
        self, text: str, *, environ: Mapping[str, str] | None = None, expand_env: bool = True
    ) -> Settings: ...


calm = hypothesis.settings(deadline=None)
"""For property tests: the machine may be busy."""

Refused = Callable[..., ConfigError]
ReplicaLoader = Callable[..., ReplicaConfig]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A path for a configuration that only its owner may read."""
    path = tmp_path / "litestream.yml"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def loaded(config_file: Path) -> Loader:
    """Load a text; the environment is empty unless given."""

    def load_text(
        text: str, *, environ: Mapping[str, str] | None = None, expand_env: bool = True
    ) -> Settings:
        config_file.write_text(dedent(text), encoding="utf-8")
        return load(config_file, environ=environ or {}, expand_env=expand_env)

    return load_text


@pytest.fixture
def refused(loaded: Loader) -> Refused:
    """Load a text that is wrong and return the error."""

    def load_text(text: str, **options: object) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **options)  # type: ignore[arg-type]
        return caught.value

    return load_text


@pytest.fixture
def replica(loaded: Loader) -> ReplicaLoader:
    """Load a file with one database and one replica, given as the lines of the replica."""

    def load_replica(lines: str, *, top: str = "", **options: object) -> ReplicaConfig:
        body = dedent(lines).strip().replace("\n", "\n    ")
        text = f"{dedent(top)}\ndbs:\n- path: /data/app.db\n  replicas:\n  - {body}\n"
        settings = loaded(text, **options)  # type: ignore[arg-type]
        return settings.databases[0].replicas[0]

    return load_replica
