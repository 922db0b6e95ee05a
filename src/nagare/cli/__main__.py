"""``python -m nagare.cli``: the same as the ``nagare`` script, for child processes that must not depend on PATH."""

from __future__ import annotations

import sys

from nagare.cli.main import main

sys.exit(main())
