"""Imported once by the process that all job processes are forked from: what is warm there is warm in each of them, and held in
memory once. Only modules and tables: no thread, no connection, no setting.
"""

import importlib

from agent.providers import llm
from agent.warming import warm_tables
from store.client import trusted_authorities

importlib.import_module("agent.worker")  # what a job runs
warm_tables()
llm.warm()
trusted_authorities()
