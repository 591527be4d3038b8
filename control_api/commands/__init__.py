"""What operators type. Each module is one word of `./ava`; `control_api.cli` puts them together."""
