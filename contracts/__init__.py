"""The vocabulary both deployables share. Pure: pydantic, the standard library, two data libraries; no await, no I/O."""
