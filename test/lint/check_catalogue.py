"""Every number of the fault catalogue has its tests, and the tests that doc/test-catalogue.md names exist.

check_catalogue.py ROOT [--write]

A test that carries the number as a tag (`[A14]`) belongs to its row: --write adds such tests to their
rows, and takes out those that are gone.
"""

import re
import sys
from pathlib import Path

from source import finish

ROW = re.compile(r'^\| ([A-O])(\d+) \| (.*?) \| (.*) \|$')
CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)')
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
GROUPS = {'A': (1, 30), 'B': (31, 39), 'C': (40, 46), 'D': (47, 54), 'E': (55, 66), 'F': (67, 77), 'G': (78, 85),
          'H': (86, 90), 'I': (91, 101), 'J': (102, 111), 'K': (112, 120), 'L': (121, 125), 'M': (126, 130),
          'N': (131, 137), 'O': (138, 149)}
# A row without a test says why, with one of these.
EXCUSES = ('*not built*', '*documented*', '*optional*', '*open*')


def cases(root):
    """Name of each test case -> the numbers that it is tagged with."""
    found = {}
    for path in sorted((root / 'test').rglob('*.cpp')):
        for match in CASE.finditer(path.read_text()):
            name = ''.join(TEXT.findall(match[1]))
            found[name] = set(re.findall(r'\[([A-O]\d+)\]', match[2]))
    return found


def entries(cell):
    return [one.strip() for one in cell.split('<br>') if one.strip()]


def is_test(entry):
    return not entry.startswith(('*', '`'))


def problems(text, known, root):
    found, seen = [], set()
    for line in text.splitlines():
        row = ROW.match(line)
        if not row:
            continue
        number = row[1] + row[2]
        if number in seen:
            found.append(f'{number} is there twice')
        seen.add(number)
        listed = entries(row[4])
        found += [f'{number}: there is no test "{one}"' for one in listed if is_test(one) and one not in known]
        # What is no test case of Catch2 is a file, or a program with its arguments.
        files = [re.match(r'`([^` ]+)', one)[1] for one in listed if one.startswith('`')]
        found += [f'{number}: there is no {name}' for name in files if not (root / name).exists()]
        if not listed:
            found.append(f'{number} has no test, and no word why')
        found += [f'{number}: what is {one}?' for one in listed
                  if one.startswith('*') and not one.startswith(EXCUSES)]
    for group, (first, last) in GROUPS.items():
        found += [f'{group}{i} is missing' for i in range(first, last + 1) if f'{group}{i}' not in seen]
    return found


def rewritten(text, known):
    lines = []
    for line in text.splitlines():
        if row := ROW.match(line):
            number = row[1] + row[2]
            listed = [one for one in entries(row[4]) if not is_test(one) or one in known]
            listed += sorted(name for name, tags in known.items() if number in tags and name not in listed)
            if any(not one.startswith('*') for one in listed):
                listed = [one for one in listed if one != '*open*']
            line = f'| {number} | {row[3]} | {"<br>".join(listed or ["*open*"])} |'
        lines.append(line)
    return '\n'.join(lines) + '\n'


def self_test():
    rows = {f'{group}{i}': '*not built*' for group, (first, last) in GROUPS.items() for i in range(first, last + 1)}

    def page(change):
        return '\n'.join(f'| {number} | what | {cell} |' for number, cell in (rows | change).items() if cell is not None)

    known = {'thing: it works': {'A1'}}
    for change, good in [({}, True), ({'A1': 'thing: it works<br>*optional*'}, True), ({'A1': 'thing: it fails'}, False),
                         ({'A1': ''}, False), ({'A1': None}, False), ({'A1': '`no/such/file`'}, False),
                         ({'A1': '*whatever*'}, False)]:
        if bool(problems(page(change), known, Path('/nowhere'))) == good:
            sys.exit(f'the self-test failed: {change}')
    if 'thing: it works' not in rewritten(page({'A1': '*open*'}), known):
        sys.exit('the self-test failed: --write')


def main():
    self_test()
    root = Path(sys.argv[1])
    page = root / 'doc' / 'test-catalogue.md'
    known = cases(root)
    if '--write' in sys.argv:
        page.write_text(rewritten(page.read_text(), known))
    finish(problems(page.read_text(), known, root), 'faults in doc/test-catalogue.md')


if __name__ == '__main__':
    main()
