"""``python -m fairtut`` is ``fairtut``."""

import sys

from fairtut.cli import main

sys.exit(main())
