"""Writes code out of the documentation, to be compiled.

extract.py README.md OUTPUT: its complete program.
extract.py HEADER TEMPLATE OUTPUT: the template with the header's @code block in place of `@EXAMPLE@`.
"""

import re
import sys
from pathlib import Path


def program(readme):
    programs = [block
                for block in re.findall(r'^```cpp\n(.*?)^```$', readme.read_text(), re.M | re.S)
                if re.search(r'^int main\(', block, re.M)]
    if len(programs) != 1:
        sys.exit(f'{readme} has {len(programs)} complete programs, and should have one')
    return programs[0]


def example(header, template):
    blocks = re.findall(r'^ */// @code\n(.*?)^ */// @endcode$', header.read_text(), re.M | re.S)
    if len(blocks) != 1:
        sys.exit(f'{header} has {len(blocks)} examples, and should have one')
    code = re.sub(r'^ */// ?', '', blocks[0], flags=re.M)
    return template.read_text().replace('@EXAMPLE@', code)


*inputs, output = map(Path, sys.argv[1:])
output.write_text(program(*inputs) if len(inputs) == 1 else example(*inputs))
