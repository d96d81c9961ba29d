"""Keeps files short: 400 lines, 600 under test/, and 130 for a snippet of a page.

Documentation is not what makes a header long, so comment lines of public headers do not count.
"""

import sys
from pathlib import Path

from source import cpp_files, finish, self_test

CAPS = {'include': 400, 'lib': 400, 'test': 600, 'example': 400, 'bench': 400, 'doc': 130}


def too_long(name, text):
    folder = name.split('/')[0]
    lines = text.splitlines()
    if folder == 'include':
        lines = [line for line in lines if not line.lstrip().startswith('//')]
    if len(lines) > CAPS[folder]:
        return [f'{name}: {len(lines)} lines, the cap is {CAPS[folder]}']
    return []


def main():
    self_test(lambda case: too_long(*case),
              good=[('lib/a.cpp', 'x;\n' * 400), ('test/a.cpp', 'x;\n' * 600),
                    ('include/a.hpp', '  /// why\n' * 300 + 'x;\n' * 400)],
              bad=[('lib/a.cpp', 'x;\n' * 401), ('test/a.cpp', 'x;\n' * 601),
                   ('lib/a.hpp', '// why\n' * 401), ('include/a.hpp', 'x;\n' * 401)])
    root = Path(sys.argv[1])
    findings = []
    for path in cpp_files(root, *CAPS):
        findings += too_long(str(path.relative_to(root)), path.read_text())
    finish(findings, 'files over their cap')


if __name__ == '__main__':
    main()
