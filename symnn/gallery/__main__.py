"""``python -m symnn.gallery``."""

import sys

from symnn.gallery.runner import main

sys.exit(main())
