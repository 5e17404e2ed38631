"""The command that starts the service."""

from typing import Annotated

import typer

from zhiheng.settings import load_settings

__all__ = ["app", "serve"]

app = typer.Typer(help="服务。The service.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="端口。Port.")] = None,
) -> None:
    """在前台启动服务，Ctrl-C 停止。 / Serve in the foreground; Ctrl-C stops it."""
    from serving.launch import serve as run

    settings = load_settings()
    run(home=settings.home, host=host or settings.host, port=port or settings.port, lang=settings.lang)
