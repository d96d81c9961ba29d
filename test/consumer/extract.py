"""Writes code out of the documentation, to be compiled.

extract.py HEADER TEMPLATE OUTPUT: the template with the header's @code blocks in place of `@EXAMPLE@`.
"""

import re
import sys
from pathlib import Path


def examples(header):
    blocks = re.findall(r'^ */// @code\n(.*?)^ */// @endcode$', header.read_text(), re.M | re.S)
    if not blocks:
        sys.exit(f'{header} has no example')
    return '\n'.join(re.sub(r'^ */// ?', '', block, flags=re.M) for block in blocks)


header, template, output = map(Path, sys.argv[1:])
output.write_text(template.read_text().replace('@EXAMPLE@', examples(header)))
