"""Recordings of calls as files: where they are kept, and how one gets there from the worker's disk."""
