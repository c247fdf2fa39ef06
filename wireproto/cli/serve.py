"""`wireproto serve`: the proxy, started with options and a file of settings.

It only translates, like the rest of the command line. Law: what it needs beside the command line is loaded when it
starts, so that no other command waits for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wireproto.cli.shared import FINE, example, guarded
from wireproto.cli.writer import errors
from wireproto.values.extras import require

EXTRA = "proxy"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", epilog=example("wireproto serve --upstream http://127.0.0.1:8080 --dialect qwen3_coder"))(
        guarded(serve_command)
    )


def serve_command(
    upstream: Annotated[
        str | None, typer.Option("--upstream", "-u", metavar="URL", help="The model server, up to its path /v1.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="Settings in TOML, with a table per model.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="H", help="Address to listen at; by default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port to listen at; by default 8077.")] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="M", help="repair (the default), constrain, raw or emulate.")
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(metavar="S", help="llama-server, vllm or sglang; by default what it says it is."),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option("--dialect", "-d", metavar="D", help="Name of a dialect, path of a .toml file, or auto."),
    ] = None,
    reasoning_open: Annotated[bool, typer.Option("--reasoning-open", help="Prompts end inside reasoning.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Ask once more where a call went wrong, if nothing was sent yet.")
    ] = False,
    stop_loops: Annotated[bool, typer.Option("--stop-loops", help="Stop a model that repeats itself.")] = False,
    traces: Annotated[bool, typer.Option("--traces", help="Make each request a span of OpenTelemetry.")] = False,
    transcripts: Annotated[
        str | None, typer.Option(metavar="FILE", help="Add all answers to a file that `wireproto audit` reads.")
    ] = None,
) -> int:
    """Stand before a model server and repair its tool calls.

    Speaks Chat Completions, Responses and Messages; everything else is passed through. Ends with Ctrl-C or SIGTERM.
    """
    require(EXTRA, "starlette", "uvicorn", "httptools", "aiohttp", purpose="wireproto serve")
    from wireproto.serve.run import run
    from wireproto.serve.settings import load

    given = {"upstream": upstream, "host": host, "port": port, "transcripts": transcripts, "traces": traces or None}
    model: dict[str, Any] = {"mode": mode, "server": server, "dialect": dialect}
    model |= {
        name: True
        for name, on in [("reasoning_open", reasoning_open), ("retry", retry), ("stop_loops", stop_loops)]
        if on
    }
    settings = load(
        None if config is None else Path(config),
        {key: value for key, value in given.items() if value is not None},
        {key: value for key, value in model.items() if value is not None},
    )
    run(settings, lambda line: errors().write(f"{line}\n"))
    return FINE
