"""Writes the complete program of README.md to a file: extract.py README.md OUTPUT."""

import re
import sys
from pathlib import Path

readme, output = map(Path, sys.argv[1:3])
programs = [block for block in re.findall(r'^```cpp\n(.*?)^```$', readme.read_text(), re.M | re.S)
            if re.search(r'^int main\(', block, re.M)]
if len(programs) != 1:
    sys.exit(f'{readme} has {len(programs)} complete programs, and should have one')
output.write_text(programs[0])
