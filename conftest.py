"""Settings of every test process, gantool's and the plugins'."""

from __future__ import annotations

import os

# Tests run on every core at once: more threads in each would only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
