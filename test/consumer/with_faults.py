"""Copies a snippet of the documentation, with a server that can be made to fail.

with_faults.py SNIPPET OUTPUT: after the line that makes the server stands `snippet::make_fail(server);`.
"""

import re
import sys
from pathlib import Path

MADE = re.compile(r'^ *(?:parley::testing::)?chat_server (\w+)(?:\([^)]*\))?;(?: *//.*)?$', re.M)

snippet = Path(sys.argv[1])
code, count = MADE.subn(lambda found: f'{found[0]}\n    snippet::make_fail({found[1]});', snippet.read_text())
if count != 1:
    sys.exit(f'{snippet} makes {count} servers, and should make one')
Path(sys.argv[2]).write_text('#include "fault.hpp"\n' + code)
