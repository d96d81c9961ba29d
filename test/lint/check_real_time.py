"""Unit and component tests run on the manual clock: no sleeping, no looking at a real clock."""

import re
import sys
from pathlib import Path

from source import code_only, cpp_files, finish, line_of, self_test

REAL_TIME = re.compile(
    r'\bthis_thread\b|\bsleep_for\b|\b(?:u|nano)sleep\s*\(|::sleep\s*\('
    r'|\b(?:steady|system|high_resolution)_clock\s*::\s*now\b'
    r'|\bexpires_after\b|\bwait_for\b|\bstd::time\s*\(|\bgettimeofday\b|\bclock_gettime\b')


def uses(text):
    code = code_only(text)
    return [f'{line_of(text, match.start())}: real time in a test: {match.group(0)}'
            for match in REAL_TIME.finditer(code)]


def main():
    self_test(uses,
              good=['co_await clock.sleep_until(clock.now() + 1s);', 'CHECK(t.expires_in() == 3s);', 'CHECK(t.expires_at() == x);',
                    'co_await w.sleep(1s);',
                    '// sleep_for(1s)', 'CHECK(text == "steady_clock::now");'],
              bad=['std::this_thread::sleep_for(1ms);', 'auto t = std::chrono::steady_clock::now();',
                   'auto t = system_clock :: now();', 'timer.expires_after(5ms);', 'usleep(10);', '::sleep(1);',
                   'CHECK(done.wait_for(1s) == std::future_status::ready);'])
    root = Path(sys.argv[1])
    findings = []
    for path in cpp_files(root, 'test/unit', 'test/component'):
        findings += [f'{path.relative_to(root)}:{found}' for found in uses(path.read_text())]
    finish(findings, 'uses of real time')


if __name__ == '__main__':
    main()
