"""`python -m ocrnet`."""

import sys

from ocrnet.cli import main

sys.exit(main())
