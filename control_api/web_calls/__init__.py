"""Test calls: a version of an assistant, tried from a browser before callers meet it."""
