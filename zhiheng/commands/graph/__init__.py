"""Commands of the graph: build it, look at it, measure it, exchange it, keep it in Neo4j."""

import typer

from zhiheng.commands.graph import build, exchange, look, resolve, risk, scores, standing, transfer

__all__ = ["app"]

app = typer.Typer(help="主体关系图。The graph of parties.", no_args_is_help=True)
app.command("build")(build.build)
app.command("stats")(look.stats)
app.command("portrait")(look.portrait)
app.command("path")(look.path)
app.command("controller")(standing.controller)
app.command("group")(standing.group)
app.command("circles")(risk.circles)
app.command("stress")(risk.stress)
app.command("scores")(scores.scores)
app.command("push")(transfer.push)
app.command("pull")(transfer.pull)
app.command("import")(exchange.import_)
app.command("export")(exchange.export)
app.command("resolve")(resolve.resolve)
app.command("decide")(resolve.decide)
