"""What the proxy is told: the server behind it, limits, and for each model its mode, dialect and policy.

It must not know HTTP. Law: settings that could be made are right; wrong ones are a `SettingsError` that names the key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from wireproto.format.registry import AUTO
from wireproto.format.registry import dialect as find_dialect
from wireproto.text import toml
from wireproto.values.errors import WireprotoError
from wireproto.values.policy import Policy
from wireproto.values.quoting import quoted

Mode = Literal["repair", "constrain", "raw", "emulate"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
ReasoningKey = Literal["auto", "reasoning_content", "reasoning", "none"]
Server = Literal["auto", "llama-server", "vllm", "sglang"]


class SettingsError(WireprotoError, ValueError):
    """A setting that cannot be used; the message names it and says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """How the answers of one model are treated.

    `mode`: "repair" leaves the request as it is and reads calls out of the text; "constrain" has the server hold the
    model to a grammar; "raw" has llama-server render the prompt only, and complete it; "emulate" tells a model without
    tool calling in words how to call. `server`: which one it is, for "constrain"; "auto" is what its list of models
    says. `dialect`: the name of one, the path of a file, or "auto". `reasoning_open`: the chat template ends inside
    reasoning. `reasoning_key`: the field in which the server reads the reasoning of earlier turns; "auto" is the one
    that it writes. `retry`: an answer without the call that it should hold is asked for again, once, as long as nothing
    was sent to the client. `stop_loops`: a model that repeats itself is stopped. `promote`: as that of `Policy`.

    Raises:
        SettingsError: a value is not one of these.
    """

    mode: Mode = "repair"
    server: Server = "auto"
    dialect: str = AUTO
    reasoning_open: bool = False
    reasoning_key: ReasoningKey = "auto"
    retry: bool = False
    stop_loops: bool = False
    promote: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy = field(init=False, repr=False, compare=False)
    """The policy of the decoder."""

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, MODES)
        _one_of("server", self.server, get_args(Server))
        _one_of("reasoning_key", self.reasoning_key, get_args(ReasoningKey))
        for name in ("reasoning_open", "retry", "stop_loops"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"{name}: expected true or false, not {quoted(getattr(self, name))}")
        try:
            if self.dialect != AUTO:
                find_dialect(self.dialect)
            object.__setattr__(self, "policy", Policy(promote=self.promote))
        except WireprotoError as error:
            raise SettingsError(str(error)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """The server behind the proxy, and how the proxy behaves.

    `upstream`: its URL, up to the path `/v1`. `default` and `models`: by globs of names, of which the first that fits
    counts. `body_limit`: the most bytes of a request, and of an answer that is not streamed; `event_limit`: of one
    event of a stream; `header_limit`: of the head of a request. All times are in seconds: `read_timeout` is between two
    reads, `body_timeout` between two parts of a request, `ping` is how long a stream is silent before the client gets a
    comment. `transcripts`: a file to which every answer is added. `traces`: each
    request is a span of OpenTelemetry.

    Raises:
        SettingsError: a value is wrong.
    """

    upstream: str
    host: str = "127.0.0.1"
    port: int = 8077
    default: ModelSettings = field(default_factory=ModelSettings)
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    body_limit: int = 64 << 20
    event_limit: int = 16 << 20
    header_limit: int = 64 << 10
    connect_timeout: float = 10.0
    read_timeout: float = 600.0
    body_timeout: float = 30.0
    shutdown_timeout: float = 30.0
    ping: float = 15.0
    transcripts: Path | None = None
    traces: bool = False

    def __post_init__(self) -> None:
        if not _is_server(self.upstream):
            raise SettingsError(f"upstream: expected a URL such as http://127.0.0.1:8080, not {quoted(self.upstream)}")
        object.__setattr__(self, "upstream", self.upstream.rstrip("/").removesuffix("/v1"))
        if not isinstance(self.traces, bool):
            raise SettingsError(f"traces: expected true or false, not {quoted(self.traces)}")
        for each in fields(self):
            value = getattr(self, each.name)
            # Annotations are strings here.
            if each.type not in ("int", "float"):
                continue
            kind = int if each.type == "int" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kind) or not value > 0:
                raise SettingsError(f"{each.name}: expected a number above 0, not {quoted(value)}")

    def of(self, model: str) -> ModelSettings:
        """Return the settings of a model."""
        return next((found for glob, found in self.models.items() if fnmatchcase(model, glob)), self.default)

    @property
    def upstream_address(self) -> tuple[str, int]:
        """The host and the port of the server."""
        parts = urlsplit(self.upstream)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def upstream_is_near(self) -> bool:
        """Whether the server is on this machine; then a proxy that the environment names is passed by."""
        return is_loopback(urlsplit(self.upstream).hostname or "")


def _is_server(url: object) -> bool:
    """Return whether a URL names a server and perhaps a path; a password in it would be shown with it."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return named and not (parts.query or parts.fragment or "@" in parts.netloc)


def is_loopback(host: str) -> bool:
    """Return whether a host can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def load(path: Path | None, given: Mapping[str, Any], model: Mapping[str, Any]) -> ServeSettings:
    """Return the settings of a TOML file, in which what was given on the command line counts for more.

    `given` are fields of `ServeSettings`, `model` those of `ModelSettings` for all models without a table of their own.

    Raises:
        SettingsError: the file has a key or a value that is wrong; names the key.
        OSError: it cannot be read.
    """
    found: dict[str, Any] = {}
    if path is not None:
        try:
            found = dict(toml.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise SettingsError(f"{path}: {error}") from None
    try:
        return _settings(found, given, model)
    except SettingsError as error:
        if path is None:
            raise
        raise SettingsError(f"{path}: {error}") from None


def _settings(found: dict[str, Any], given: Mapping[str, Any], model: Mapping[str, Any]) -> ServeSettings:
    tables = found.pop("models", {})
    own = {each.name for each in fields(ModelSettings) if each.init}
    general = {key: found.pop(key) for key in list(found) if key in own}
    default = _made(ModelSettings(), {**general, **model}, "")
    if not isinstance(tables, Mapping) or not all(isinstance(table, Mapping) for table in tables.values()):
        raise SettingsError('models: expected a table for each model, such as [models."Qwen3-Coder*"]')
    models = {glob: _made(default, table, f"models.{quoted(glob)}.") for glob, table in tables.items()}
    known = {each.name for each in fields(ServeSettings)} - {"default", "models"}
    for key in found:
        if key not in known:
            raise SettingsError(f"{key}: there is no such setting")
    merged = {**found, **given}
    if "upstream" not in merged:
        raise SettingsError("upstream: the URL of the server is missing")
    if isinstance(merged.get("transcripts"), str):
        merged["transcripts"] = Path(merged["transcripts"])
    return ServeSettings(**merged, default=default, models=models)


def _made(base: ModelSettings, table: Mapping[str, Any], where: str) -> ModelSettings:
    known = {each.name for each in fields(ModelSettings) if each.init}
    for key in table:
        if key not in known:
            raise SettingsError(f"{where}{key}: there is no such setting")
    try:
        return replace(base, **table)
    except SettingsError as error:
        raise SettingsError(f"{where}{error}") from None


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{name}: expected {_either(allowed)}, not {quoted(value)}")


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(f'"{word}"' for word in words)
