"""Writes code out of the documentation, to be compiled.

extract.py README.md OUTPUT: its complete program.
extract.py README.md --server STATEMENT OUTPUT: the same, whose server that statement is done to.
extract.py HEADER... TEMPLATE OUTPUT: the template with the headers' @code blocks in place of
`@EXAMPLE@`.
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


def with_server(code, statement):
    made = re.compile(r'^ *parley::testing::chat_server (\w+);.*$', re.M)
    changed, count = made.subn(lambda found: f'{found[0]}\n    {statement}', code)
    if count != 1:
        sys.exit(f'the program makes {count} servers, and should make one')
    return changed


def examples(header):
    blocks = re.findall(r'^ */// @code\n(.*?)^ */// @endcode$', header.read_text(), re.M | re.S)
    if not blocks:
        sys.exit(f'{header} has no example')
    return '\n'.join(re.sub(r'^ */// ?', '', block, flags=re.M) for block in blocks)


def main(arguments):
    if len(arguments) == 2:
        return program(Path(arguments[0]))
    if arguments[1] == '--server':
        return with_server(program(Path(arguments[0])), arguments[2])
    *headers, template = map(Path, arguments[:-1])
    return template.read_text().replace('@EXAMPLE@', '\n'.join(map(examples, headers)))


Path(sys.argv[-1]).write_text(main(sys.argv[1:]))
