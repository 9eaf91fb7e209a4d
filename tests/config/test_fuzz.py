"""Whatever stands in a configuration gives settings or one ConfigError, never anything else."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sqlite_recovery_tui.config import Settings, load
from sqlite_recovery_tui.config.schema import TOP, Key
from sqlite_recovery_tui.errors import ConfigError
from tests.config.test_example import uncommented

ENVIRON = {"A": "x", "NL": "a\nb: c\n", "Q": '"', "B": "\udcff", "HOME": "/home/me"}
LINES = uncommented().splitlines()
quick = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.binary(max_size=4),
    st.sampled_from(
        ["1s", "-1s", "24h", "1ns", "s3://b/p", "file:///r", "sftp://u:p@h/x", "s3", "file", "$A", "~/x"]
    ),
)


def values(key: Key) -> st.SearchStrategy[Any]:
    """Values for a key: mostly of its shape, sometimes not."""
    shapes: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "value": lambda: SCALARS,
        "values": lambda: st.lists(SCALARS, max_size=2),
        "mapping": lambda: mappings(key.keys),
        "mappings": lambda: st.lists(mappings(key.keys), max_size=2),
    }
    right = shapes[key.shape]()
    return st.one_of(right, right, right, SCALARS)


def mappings(keys: tuple[Key, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={key.name: values(key) for key in keys})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "litestream.yml"


def outcome(file: Path, data: bytes) -> Settings | ConfigError:
    file.write_bytes(data)
    attempt(file, expand_env=False)
    result = attempt(file, expand_env=True)
    if isinstance(result, Settings):
        assert repr(result)
        assert all(replica.url for database in result.databases for replica in database.replicas)
    if isinstance(result, ConfigError):
        assert "\n" not in str(result)
        assert str(result).startswith(str(file))
        assert 0 <= result.line <= data.count(b"\n") + 1
    return result


def attempt(file: Path, *, expand_env: bool) -> Settings | ConfigError:
    try:
        return load(file, environ=ENVIRON, expand_env=expand_env)
    except ConfigError as error:
        return error


@given(st.binary(max_size=200))
@quick
def test_any_bytes(file: Path, data: bytes) -> None:
    outcome(file, data)


@given(st.text(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>'\"%@`#$ \n\ta1é\x85\u2028\ufeff", max_size=60))
@example("a: &x\n")
@example("? ")
@example("dbs: [{path: '\\0'}]")
@example('dbs: [{path: "\\0"}]')
@example('dbs: [{path: "\\ud800"}]')
@example("dbs: [{path: $B}]")
@example("%YAML 9.9\n---\n")
@example("\ufeff\ufeffa: 1")
@quick
def test_any_text(file: Path, text: str) -> None:
    outcome(file, text.encode("utf-8", errors="surrogatepass"))


@given(st.one_of(mappings(TOP), st.fixed_dictionaries({"dbs": values(TOP[0])})))
@settings(quick, max_examples=100)
def test_any_values_under_known_keys(file: Path, tree: dict[str, Any]) -> None:
    outcome(file, yaml.dump(tree, allow_unicode=True).encode())


@given(st.integers(0, 2**32))
@quick
def test_mutations_of_the_example(file: Path, seed: int) -> None:
    dice = random.Random(seed)
    lines = list(LINES)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(lines))
        kind = dice.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[dice.randrange(len(lines))])
        elif kind == 2:
            lines[at] = lines[at][: dice.randint(0, len(lines[at]))]
        elif kind == 3:
            lines[at] = " " * dice.randint(0, 4) + lines[at].lstrip()
        else:
            cut = dice.randint(0, len(lines[at]))
            lines[at] = lines[at][:cut] + dice.choice("{}[]:,-?&*!|>'\"%@`#$ \t\x00é0") + lines[at][cut:]
    outcome(file, "\n".join(lines).encode())


def test_the_values_do_reach_settings(file: Path) -> None:
    assert isinstance(outcome(file, "\n".join(LINES).encode()), Settings)
