"""Counts test cases in a Meson test log: summary.py BUILD_DIR, or summary.py --self-test.

A Catch2 program counts by the summary that it printed, a script by its own last line of that form,
and every other test as one. A program that failed counts at least one failure: it may have crashed,
hung or leaked after its summary, or found no test at all. One with a secret of the tests in its
output has failed too. Prints `N passed, N failed, N skipped`; exits 1 when something failed.
"""

import json
import re
import sys
from pathlib import Path

ALL_PASSED = re.compile(r'^All tests passed \(.* in (\d+) test cases?\)', re.M)
CASES = re.compile(r'^test cases: *\d+ *((?:\| *\d+ [a-z ]+)+)$', re.M)
OWN_COUNT = re.compile(r'^(\d+) passed, (\d+) failed, (\d+) skipped\s*\Z', re.M)
# As in test/support/secret_watch.cpp.
SECRET = re.compile(r'sentinel|ticket-[0-9]|tk-[0-9a-f]{8}', re.I)
SKIPPED = {'SKIP'}
PASSED = {'OK', 'EXPECTEDFAIL'}


def count(entry):
    """(passed, failed, skipped) of one test of the log."""
    if entry['result'] in SKIPPED:
        return 0, 0, 1
    good = entry['result'] in PASSED
    output = entry.get('stdout') or ''
    every, cases = ALL_PASSED.findall(output), CASES.findall(output)
    passed, failed, skipped = 0, 0, 0
    if every:
        passed = int(every[-1])
    elif cases:
        for number, kind in re.findall(r'(\d+) ([a-z ]+?) *(?=\||$)', cases[-1]):
            if kind == 'failed':
                failed += int(number)
            elif kind == 'skipped':
                skipped += int(number)
            else:
                passed += int(number)
    elif own := OWN_COUNT.search(output):
        passed, failed, skipped = map(int, own.groups())
    elif entry.get('catch2'):
        failed = 1  # it ended before its summary, or had no test to run
    else:
        return (1, 0, 0) if good else (0, 1, 0)
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def tells_a_secret(entry):
    return any(SECRET.search(entry.get(stream) or '') for stream in ('stdout', 'stderr'))


def checked(entry):
    """The same, as a failure when it was none and tells a secret."""
    leaks = entry['result'] in PASSED and tells_a_secret(entry)
    return entry | {'catch2': is_catch2(entry)} | ({'result': 'FAIL'} if leaks else {})


def is_catch2(entry):
    return any(word.endswith('_tests') for word in entry.get('command', [])[:1])


def total(entries):
    counts = [count(checked(entry)) for entry in entries]
    return tuple(map(sum, zip(*counts))) if counts else (0, 1, 0)


def self_test():
    def entry(result, stdout='', command='b/unit_tests'):
        return {'result': result, 'stdout': stdout, 'command': [command]}

    bar = '=' * 79 + '\n'
    good = bar + 'All tests passed (7 assertions in 3 test cases)\n'
    bad = bar + 'test cases: 5 | 3 passed | 2 failed\nassertions: 9 | 7 passed | 2 failed\n'
    expected = [
        ([entry('OK', good)], (3, 0, 0)),
        ([entry('OK', bar + 'All tests passed (1 assertion in 1 test case)\n')], (1, 0, 0)),
        ([entry('FAIL', bad)], (3, 2, 0)),
        ([entry('OK', 'test cases: 4 | 2 passed | 1 skipped | 1 failed as expected\n')], (3, 0, 1)),
        ([entry('FAIL', 'test cases:  1 |  1 failed\n')], (0, 1, 0)),
        ([entry('FAIL', good)], (3, 1, 0)),  # a leak, or a data race, found at the end
        ([entry('FAIL', 'Segmentation fault')], (0, 1, 0)),
        ([entry('TIMEOUT', '')], (0, 1, 0)),
        ([entry('OK', 'No tests ran')], (0, 1, 0)),
        ([entry('OK', '0 findings', 'python3'), entry('FAIL', '', 'python3')], (1, 1, 0)),
        ([entry('OK', 'ok one\n4 passed, 0 failed, 1 skipped\n', 'python3')], (4, 0, 1)),
        ([entry('FAIL', '4 passed, 0 failed, 0 skipped\n', 'python3')], (4, 1, 0)),
        ([entry('SKIP', '', 'python3'), entry('OK', good)], (3, 0, 1)),
        ([entry('OK', 'the token SENTINEL-1\n' + good)], (3, 1, 0)),
        ([entry('OK', '', 'python3') | {'stderr': 'GET /ws?ticket=tk-01234567'}], (0, 1, 0)),
        ([entry('OK', 'ticket-expired, ticket: ok\n' + good)], (3, 0, 0)),
        ([], (0, 1, 0)),
    ]
    for entries, wanted in expected:
        if total(entries) != wanted:
            sys.exit(f'the self-test failed: {entries}: {total(entries)}, not {wanted}')


def main():
    if sys.argv[1] == '--self-test':
        self_test()
        return
    log = Path(sys.argv[1]) / 'meson-logs/testlog.json'
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for entry in filter(tells_a_secret, entries):
        print(f'a secret is in the output of: {entry["name"]}')
    passed, failed, skipped = total(entries)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
