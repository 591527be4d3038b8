"""`ava openapi`."""

from control_api.commands.console import say_json


def openapi() -> None:
    """Print the API's OpenAPI document, as /openapi.json gives it. Needs no settings."""
    from control_api.app import create_app  # everything the server needs: loaded where it is used
    from control_api.settings import load_settings

    # nothing is opened: the document is the same on every deployment
    settings = load_settings(
        _env_file=None,
        supabase_url="http://localhost",
        supabase_publishable_key="unused",
        supabase_secret_key="unused",
        ava_sealing_keys="unused",
    )
    say_json(create_app(settings).openapi())
