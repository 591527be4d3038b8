"""`./ava`: what operators do without a page. `python -m control_api.cli` where there is no shell.

Owns: which commands there are. Refuses: what they do (`control_api.commands`).
"""

import typer

from control_api.commands import calls, keys, numbers, tenants, tokens
from control_api.commands.console import PlainErrors
from control_api.commands.document import openapi
from control_api.commands.migrating import migrate

app = typer.Typer(
    name="ava",
    cls=PlainErrors,
    help="AVA for operators. Settings are read from the environment and .env; .env.example says what each is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(migrate)
app.add_typer(keys.app, name="keys")
app.add_typer(numbers.app, name="numbers")
app.add_typer(tenants.app, name="tenants")
app.add_typer(tokens.app, name="tokens")
app.add_typer(calls.app, name="calls")
app.command()(openapi)


@app.callback()
def main() -> None:
    """AVA for operators."""


if __name__ == "__main__":
    app(prog_name="ava")
