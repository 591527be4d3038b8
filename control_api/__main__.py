"""`python -m control_api`: the API server."""

import sys

from control_api.server import main

sys.exit(main())
