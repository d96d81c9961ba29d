"""Each claim and limit of SECURITY.md has tests that exist, and the defaults it says are the code's.

check_security.py ROOT
"""

import re
import sys
from pathlib import Path

from check_catalogue import CASE, TEXT
from source import finish

CLAIM = re.compile(r'^- (?:.*\n)(?:^  .*\n)*', re.M)
PROOF = re.compile(r'`(test/[^`]+\.cpp)` ([^|\n]+?) *(?:\||\n|$)')
LIMIT = re.compile(r'^\| (?!limit |--)(.+?) \| (.*?) \| (.*) \|$', re.M)
OPTION = re.compile(r'^`(\w+)::(\w+)`')
MEMBER = re.compile(r'\b(\w+)\s*(?:=\s*([^;{}]+);|\{([^{};]+)\};)')
UNITS = {'MiB': 1 << 20, 'KiB': 1 << 10, 's': 1000, 'ms': 1, None: 1}


def section(page, title):
    found = re.search(rf'^## {title}\n(.*?)(?=^## |\Z)', page, re.M | re.S)
    return found[1] if found else ''


def defaults(header):
    """(struct, member) -> its default as a number, times in milliseconds."""
    found = {}
    for struct in re.finditer(r'^struct (\w+) \{\n(.*?)^\};', header, re.M | re.S):
        for member in MEMBER.finditer(struct[2]):
            text = (member[2] or member[3]).replace("'", '')
            if number := re.fullmatch(r'(\d+)u?(?: << (\d+))?', text.strip()):
                found[struct[1], member[1]] = int(number[1]) << int(number[2] or 0)
    return found


def said(cell):
    number = re.fullmatch(r'([\d,]+)(?: (MiB|KiB|s|ms))?', cell)
    return int(number[1].replace(',', '')) * UNITS[number[2]] if number else None


def problems(page, header, cases):
    claims = [match[0] for match in CLAIM.finditer(section(page, 'Guarantees'))]
    limits = [match.groups() for match in LIMIT.finditer(section(page, 'Limits and their defaults'))]
    found = [] if claims and limits else ['there are no claims, or no limits']
    for what, text in [(claim.splitlines()[0], claim) for claim in claims] + [(row[0], row[2]) for row in limits]:
        proofs = PROOF.findall(text)
        if not proofs:
            found.append(f'no test: {what}')
        found += [f'there is no "{name}" in {file}' for file, name in proofs if name not in cases.get(file, ())]
    known = defaults(header)
    for what, default, _ in limits:
        if (option := OPTION.match(what)) and known.get(option.groups()) != said(default):
            found.append(f'{what}: {default} is said, {known.get(option.groups())} it is')
    return found


def self_test():
    header = "struct some_config {\n    std::size_t most = 4u << 20; ///< bytes\n    milliseconds wait{5'000};\n};\n"
    cases = {'test/a.cpp': {'a: works'}}
    proof = '`test/a.cpp` a: works'

    def page(claim, limit):
        return f'## Guarantees\n\n- It\n  holds.\n{claim}\n## Limits and their defaults\n\n{limit}\n'

    good = (f'  - {proof}\n', f'| `some_config::most`, so much | 4 MiB | {proof} |\n| `some_config::wait` | 5 s | {proof} |')
    for claim, limit, right in [(*good, True), ('', good[1], False), ('  - `test/a.cpp` a: fails\n', good[1], False),
                                ('  - `test/b.cpp` a: works\n', good[1], False),
                                (good[0], f'| `some_config::most` | 5 MiB | {proof} |', False),
                                (good[0], f'| `some_config::least` | 5 s | {proof} |', False),
                                (good[0], '| a thing | 5 s | |', False), (good[0], '', False)]:
        if bool(problems(page(claim, limit), header, cases)) == right:
            sys.exit(f'the self-test failed: {claim!r}, {limit!r}')


def main():
    self_test()
    root = Path(sys.argv[1])
    cases = {str(path.relative_to(root)): {''.join(TEXT.findall(match[1])) for match in CASE.finditer(path.read_text())}
             for path in (root / 'test').rglob('*.cpp')}
    finish(problems((root / 'SECURITY.md').read_text(), (root / 'include/parley/config.hpp').read_text(), cases),
           'faults in SECURITY.md')


if __name__ == '__main__':
    main()
