"""Prints how many lines of code the library has, room by room: a figure, not a limit.

    python3 test/lint/count_lines.py [ROOT]

A line counts that is neither blank nor wholly a comment. `product` is include/ and lib/ without the
test server.
"""

import sys
from pathlib import Path

from source import cpp_files


def lines_of_code(text):
    counted, in_comment = 0, False
    for line in map(str.strip, text.splitlines()):
        if in_comment:
            in_comment = '*/' not in line
        elif line.startswith('/*'):
            in_comment = '*/' not in line
        elif line and not line.startswith('//'):
            counted += 1
    return counted


def main():
    assert lines_of_code('int a; // b\n\n// c\n/* d\n e */\n}') == 2
    root = Path(sys.argv[1] if len(sys.argv) > 1 else '.')
    rooms = {}
    for path in cpp_files(root, 'include', 'lib'):
        parts = path.relative_to(root).parts
        room = '/'.join(parts[:3 if parts[0] == 'include' and len(parts) > 3 else 2])
        files, lines = rooms.get(room, (0, 0))
        rooms[room] = (files + 1, lines + lines_of_code(path.read_text()))
    for room, (files, lines) in sorted(rooms.items()):
        print(f'{lines:7,}  {files:4}  {room}')
    product = [counts for room, counts in rooms.items() if not room.endswith('/testing')]
    print(f'{sum(lines for _, lines in product):7,}  {sum(files for files, _ in product):4}  product')


if __name__ == '__main__':
    main()
