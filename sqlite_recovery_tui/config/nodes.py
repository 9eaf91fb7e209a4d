"""YAML text → a tree of nodes that know their place, and nothing a stranger's YAML could abuse.

No aliases, tags, duplicate keys, second documents or deep nesting; scalars stay the text that was
written, so that no `no` turns into False behind the back of a key that wants text. Nodes hold secrets and
do not show themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlite_recovery_tui.config.environment import Expanded
from sqlite_recovery_tui.errors import ConfigError

if TYPE_CHECKING:
    import yaml

_DEEPEST = 32
_TEXT_TAGS = (None, "!", "tag:yaml.org,2002:str")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_UNCLOSED = "found unexpected end of stream"
_COLON = "a colon does not belong here; is the line indented as it should, or are quotes missing?"
_INDENT = "a key or a dash is expected; is the line indented like the ones around it?"
_PLAINLY = {
    "mapping values are not allowed in this context": _COLON,
    "mapping values are not allowed here": _COLON,
    "did not find expected key": _INDENT,
    "did not find expected indicator": _INDENT,
    "expected <block end>, but found": _INDENT,
    "found character that cannot start any token": "a value cannot begin like this without quotes",
    "could not find expected": "a key without a colon behind it",
}
"""What libyaml or PyYAML's own parser say, without what they quote → what an operator can act on."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff]|[\ufffe-\uffff]")


@dataclass(frozen=True, slots=True, repr=False)
class Scalar:
    """A value as it was written; `plain` when it stood without quotes."""

    line: int
    value: str
    plain: bool
    inserted: bool
    """True when an environment variable had a part in it."""

    kind = "a single value"

    def __repr__(self) -> str:
        return f"<value in line {self.line}>"


@dataclass(frozen=True, slots=True, repr=False)
class Listing:
    """A YAML sequence."""

    line: int
    items: list[Node] = field(default_factory=list)

    kind = "a list"

    def __repr__(self) -> str:
        return f"<list in line {self.line}>"


@dataclass(frozen=True, slots=True, repr=False)
class Mapping:
    """A YAML mapping; keys are text and occur once."""

    line: int
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    kind = "a mapping"

    def __repr__(self) -> str:
        return f"<mapping in line {self.line}>"


Node = Scalar | Listing | Mapping


def parse(text: Expanded, file: str) -> Node | None:
    """Return the tree of `text`, None when it is empty; raise ConfigError naming `file` and line."""
    if bad := _UNPRINTABLE.search(text.text):
        raise ConfigError("a character that YAML does not allow", file=file, line=text.line(bad.start()))
    builder = _Builder(text, file)
    problem = _feed(builder, text.text)
    if problem is not None:
        raise ConfigError(f"not valid YAML: {problem[0]}", file=file, line=text.line(problem[1]))
    return builder.root


def display_key(key: Scalar) -> str:
    """Return a key as errors may name it: only what looks like a key, for it may be a misplaced secret."""
    return key.value if _KEY.fullmatch(key.value) and not key.inserted else "?"


def _feed(builder: _Builder, text: str) -> tuple[str, int] | None:
    """Hand all events to `builder`; return the problem and its index when the text is not YAML."""
    import yaml

    try:
        for event in _events(text):
            builder.add(event)
    except yaml.MarkedYAMLError as error:
        index = _index(error.problem_mark or error.context_mark)
        if text[index : index + 1] == "\t":
            return "a tab cannot indent", index
        if error.problem == _UNCLOSED:
            return "the quotes that open here are never closed", _index(error.context_mark)
        problem = error.problem or "cannot be read"
        return _PLAINLY.get(re.sub(" '[^']*'", "", problem), problem), index
    except (yaml.YAMLError, RecursionError):
        return "cannot be read", 0
    return None


def _events(text: str) -> Iterator[Any]:
    import yaml

    # libyaml when PyYAML was built with it, the same events from Python otherwise
    events: Iterator[Any] = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return events


def _index(mark: Any) -> int:
    return mark.index if mark else 0


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet, and the key that waits for its value."""

    node: Listing | Mapping
    key: Scalar | None = None


class _Builder:
    """Turns events into nodes with a stack of its own, so that depth is bounded by us."""

    def __init__(self, text: Expanded, file: str) -> None:
        self.root: Node | None = None
        self._text = text
        self._file = file
        self._open: list[_Open] = []
        self._documents = 0

    def __repr__(self) -> str:
        return "<builder>"

    def add(self, event: yaml.Event) -> None:
        """Take the next event of the parser."""
        from yaml import events

        if isinstance(event, events.AliasEvent):
            raise self._error(event, "aliases (*name) are not accepted; write the value out")
        if isinstance(event, events.DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, events.ScalarEvent):
            self._place(self._scalar(event), event)
        elif isinstance(event, events.SequenceStartEvent):
            self._start(Listing(self._line(event)), event)
        elif isinstance(event, events.MappingStartEvent):
            self._start(Mapping(self._line(event)), event)
        elif isinstance(event, events.CollectionEndEvent):
            self._open.pop()

    def _start_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._error(event, "a second YAML document begins here; one is expected")

    def _start(self, node: Listing | Mapping, event: yaml.CollectionStartEvent) -> None:
        if event.tag not in (None, "!"):
            raise self._error(event, "tags (!name) are not accepted")
        if len(self._open) >= _DEEPEST:
            raise self._error(event, f"nested deeper than {_DEEPEST} levels")
        self._place(node, event)
        self._open.append(_Open(node))

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        if event.tag not in _TEXT_TAGS:
            raise self._error(event, "tags (!name) are not accepted")
        start, end = _index(event.start_mark), _index(event.end_mark)
        plain = not event.style and event.tag is None
        return Scalar(self._line(event), event.value, plain, self._text.inserted(start, end))

    def _place(self, node: Node, event: yaml.Event) -> None:
        """Put `node` where it belongs in the innermost open node."""
        if not self._open:
            self.root = node
            return
        inner = self._open[-1]
        if isinstance(inner.node, Listing):
            inner.node.items.append(node)
        elif inner.key is not None:
            inner.node.entries[inner.key.value] = (inner.key, node)
            inner.key = None
        else:
            inner.key = self._key(inner.node, node, event)

    def _key(self, mapping: Mapping, node: Node, event: yaml.Event) -> Scalar:
        if not isinstance(node, Scalar):
            raise self._error(event, f"a key is expected here, not {node.kind}")
        if earlier := mapping.entries.get(node.value):
            name = display_key(node)
            raise self._error(event, f"{name}: duplicate key; it stands in line {earlier[0].line} already")
        return node

    def _line(self, event: yaml.Event) -> int:
        return self._text.line(_index(event.start_mark))

    def _error(self, event: yaml.Event, message: str) -> ConfigError:
        return ConfigError(message, file=self._file, line=self._line(event))
