"""python -m zsc: the command line where the script `zsc` is not on the path."""

import sys

from zsc.cli import main

sys.exit(main())
