"""Calls: what happened on the telephone, the figures of it, what callers left, and forgetting it again."""
