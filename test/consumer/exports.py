"""A shared library exports what the public headers declare, and no more.

    python3 test/consumer/exports.py LIBRARY...     prints each symbol that is not theirs; status 1 for any
"""

import re
import subprocess
import sys
from pathlib import Path

HEADERS = Path(__file__).resolve().parents[2] / 'include' / 'parley'
# What a symbol's own name begins with.
NAME = re.compile(r'parley::(?:(?:testing|detail)::)?(~?\w+)')


def own_name(symbol):
    """`parley::x::y` of `std::vector<int> parley::x::y<z>(a) const`: without the types around it."""
    while (shorter := re.sub(r'<[^<>]*>', '', symbol)) != symbol:
        symbol = shorter
    return symbol.replace('(anonymous namespace)', 'unnamed').split('(')[0].split(' ')[-1]


def foreign(symbols, declared):
    """Of demangled symbols those of ours that no header declares, and how many are ours."""
    ours = [(symbol, name[1]) for symbol in symbols if (name := NAME.match(own_name(symbol)))]
    return [symbol for symbol, name in ours if name not in declared], len(ours)


def self_test():
    declared = {'client', 'strand'}
    assert foreign(['vtable for parley::client', 'parley::detail::strand::post(int)'], declared) == ([], 2)
    assert foreign(['parley::frame_reader::next(long)', 'parley::z& std::forward<parley::z&>(parley::z&)'],
                   declared) == (['parley::frame_reader::next(long)'], 1)


def main():
    self_test()
    declared = set()
    for header in HEADERS.rglob('*.hpp'):
        declared |= set(re.findall(r'\w+', re.sub(r'//.*', '', header.read_text())))
    broken = False
    for library in sys.argv[1:]:
        listed = subprocess.run(['nm', '-DC', '--defined-only', library], check=True, capture_output=True, text=True)
        rows = [row.split(maxsplit=2) for row in listed.stdout.splitlines()]
        # Weak ones are what a compiler made of a template, with the visibility of std's.
        symbols = [row[2] for row in rows if len(row) == 3 and row[1] in 'TDBR']
        hidden, ours = foreign(symbols, declared)
        print(*hidden, f'{library}: {ours} symbols of ours, {len(hidden)} that no public header declares', sep='\n')
        broken = broken or bool(hidden) or ours == 0
    sys.exit(1 if broken else 0)


if __name__ == '__main__':
    main()
