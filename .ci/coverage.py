"""Prints what the tests of a build with -Db_coverage=true reached of lib/ and include/: coverage.py BUILD_DIR

The exit status is 1 below 90 % of the lines or 80 % of the branches. A branch counts when the code
decides it: those that the compiler adds to every call, for an exception to leave by, do not
(gcovr's --exclude-throw-branches), nor do those on lines without code. What no test reaches is listed
by file, the worst first.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES, BRANCHES = 90.0, 80.0
SHOWN = 25


def measured(build):
    # The objects of the libraries have counted for every program that they are linked into.
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / 'coverage.json'
        subprocess.run(['gcovr', '--root', str(ROOT), '--filter', str(ROOT / 'lib') + '/', '--filter',
                        str(ROOT / 'include') + '/', '--exclude-throw-branches', '--exclude-unreachable-branches',
                        '-j', str(os.cpu_count()), '--object-directory', str(build), '--json-summary', str(report),
                        str(build / 'lib')],
                       cwd=build, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return json.loads(report.read_text())


def percent(covered, total):
    return 100.0 * covered / total if total else 100.0


def page(report):
    """What is printed, and whether it is enough."""
    worst = sorted(report['files'], key=lambda one: one['line_total'] - one['line_covered'], reverse=True)
    lines = [f'{"file":<48}{"lines":>16}{"branches":>18}']
    for one in worst[:SHOWN]:
        if one['line_covered'] == one['line_total']:
            break
        lines.append(f'{one["filename"]:<48}{one["line_covered"]:>7} of {one["line_total"]:>5}'
                     f'{one["branch_covered"]:>9} of {one["branch_total"]:>5}')
    totals = [('lines', report['line_covered'], report['line_total'], LINES),
              ('branches', report['branch_covered'], report['branch_total'], BRANCHES)]
    lines += [f'{name}: {percent(covered, total):.1f} % ({covered} of {total}); {least:.0f} % are asked for'
              for name, covered, total, least in totals]
    return '\n'.join(lines), all(percent(covered, total) >= least for _, covered, total, least in totals)


def self_test():
    def report(lines, branches):
        return {'files': [{'filename': 'lib/a.cpp', 'line_covered': lines, 'line_total': 100,
                           'branch_covered': branches, 'branch_total': 100}],
                'line_covered': lines, 'line_total': 100, 'branch_covered': branches, 'branch_total': 100}

    for lines, branches, enough in [(90, 80, True), (89, 100, False), (100, 79, False)]:
        if page(report(lines, branches))[1] != enough:
            sys.exit(f'the self-test failed: {lines}, {branches}')


def main():
    self_test()
    text, enough = page(measured(Path(sys.argv[1]).resolve()))
    print(text)
    sys.exit(0 if enough else 1)


if __name__ == '__main__':
    main()
