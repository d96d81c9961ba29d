"""The pages in doc/ have a title, are listed in an index, and show only code that is compiled and run.

check_pages.py ROOT

C++ in a page is a `\\snippet FILE REGION` of a file in example/ or doc/snippets/, between two lines `//! [REGION]`. Every
region of every one is shown, and examples and the README have at most 120 lines. The README's program is
example/stream.cpp without its marks and its first comment. Links are checked by check_citations.py.
"""

import re
import sys
import tempfile
from pathlib import Path

from source import finish, line_of

SNIPPET = re.compile(r'^ *[\\@](snippet|include|dontinclude)(?:\{[^}]*\})? +(\S+)(?: +(\S+))?$', re.M)
MARK = re.compile(r'^ *//! \[(\w+)\]$', re.M)
FENCE = re.compile(r'^(```+|~~~+)(.*?)\n(.*?)^\1', re.M | re.S)
INDENTED = re.compile(r'(?:\A|\n\n)((?:    [^\n]*\n)+)')
CPP = re.compile(r'\bco_(?:await|return|yield)\b|^\s*#include\b|\b(?:std|parley|asio)::\w+\s*[({<]|;\s*$', re.M)
LANGUAGES = {'cpp', 'c++', 'cc', 'cxx', 'hpp', 'c'}
FOLDERS = ('example', 'doc/snippets')
LONGEST = 120
README_PROGRAM = 'example/stream.cpp'
LISTED = re.compile(r'^- \[[^\]]+\]\(([^)\s#]+\.md)\)', re.M)


def blocks(page):
    """(offset, code) of what is C++ and no snippet."""
    for fence in FENCE.finditer(page):
        language = fence[2].strip(' {}.').lower()
        if language in LANGUAGES or (not language and CPP.search(fence[3])):
            yield fence.start(), fence[3]
    prose = FENCE.sub(lambda match: re.sub(r'[^\n]', ' ', match[0]), page)
    for block in INDENTED.finditer(prose):
        if CPP.search(block[1]):
            yield block.start(1), block[1]


def regions(snippet):
    marks = MARK.findall(snippet)
    return {name for name in marks if marks.count(name) == 2}, {name for name in marks if marks.count(name) != 2}


def plain(example):
    return '```cpp\n' + re.sub(r'^ *//! \[\w+\]\n', '', example.partition('\n\n')[2], flags=re.M) + '```\n'


def problems(root):
    folder = root / 'doc'
    pages = {path: path.read_text() for path in sorted(folder.rglob('*.md'))}
    sources = {path.name: path for each in FOLDERS for path in sorted((root / each).glob('*.cpp'))}
    snippets = {name: regions(path.read_text()) for name, path in sources.items()}
    listed = {(path.parent / target).resolve() for path, page in pages.items() if path.name == 'index.md'
              for target in LISTED.findall(page)}
    found, shown = [], set()
    for path, page in pages.items():
        where = path.relative_to(root)
        if not re.match(r'# \S', page):
            found.append(f'{where}:1: the page has no title')
        if path != folder / 'index.md' and path.resolve() not in listed:
            found.append(f'{where}:1: no index.md lists the page')
        found += [f'{where}:{line_of(page, offset)}: C++ that is no snippet: {code.strip().splitlines()[0]}'
                  for offset, code in blocks(page)]
        for use in SNIPPET.finditer(page):
            known = snippets.get(use[2])
            if known is None:
                found.append(f'{where}:{line_of(page, use.start())}: there is no {use[2]} in {" or ".join(FOLDERS)}')
            elif use[1] == 'include':
                shown |= {(use[2], name) for name in known[0]} | {(use[2], None)}
            elif use[3] not in known[0]:
                found.append(f'{where}:{line_of(page, use.start())}: {use[2]} has no region {use[3]}')
            else:
                shown |= {(use[2], use[3]), (use[2], None)}
    for name, (good, bad) in snippets.items():
        where = sources[name].relative_to(root)
        found += [f'{where}: the region {one} has not two marks' for one in sorted(bad)]
        found += [f'{where}: no page shows {one or "it"}' for one in sorted(good | {''})
                  if (name, one or None) not in shown]
    readme, program = root / 'README.md', root / README_PROGRAM
    for path in [readme, *sorted((root / 'example').glob('*.cpp'))]:
        if path.exists() and (lines := path.read_text().count('\n')) > LONGEST:
            found.append(f'{path.relative_to(root)}: {lines} lines, where {LONGEST} are allowed')
    if readme.exists() and program.exists() and plain(program.read_text()) not in readme.read_text():
        found.append(f'README.md: its program is not {README_PROGRAM}')
    return found


def self_test():
    index, page = 'doc/index.md', 'doc/a' + '.md'
    good = {index: '# Index\n\n- [a](a' + '.md): text\n',
            page: '# A\n\n\\snippet x.cpp all\n\n    bash doc/build.sh\n\n```json\n{"a": 1}\n```\n',
            'doc/snippets/x.cpp': '//! [all]\nint main() {}\n//! [all]\n'}
    bad = [{page: '\n\\snippet x.cpp all\n'}, {index: '# Index\n'},
           {page: good[page] + '\n```cpp\nint x;\n```\n'}, {page: good[page] + '\n```\nco_await x\n```\n'},
           {page: good[page] + '\n    int x = f();\n'}, {page: '# A\n'},
           {page: '# A\n\n\\snippet x.cpp some\n'}, {page: good[page] + '\n\\snippet y.cpp all\n'},
           {'doc/snippets/x.cpp': '//! [all]\n'}, {'doc/snippets/y.cpp': 'int main() {}\n'},
           {'example/y.cpp': 'int main() {}\n'}, {'README.md': '\n' * 121},
           {page: good[page] + '\n\\snippet stream.cpp a\n', 'README.md': '```cpp\nint x;\n```\n',
            README_PROGRAM: '// x\n\n//! [a]\nint y;\n//! [a]\n'},
           {page: good[page] + '\n\\snippet y.cpp all\n', 'example/y.cpp': good['doc/snippets/x.cpp'] + '\n' * 120}]
    for change, wanted in [({}, False)] + [(each, True) for each in bad]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (good | change).items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text)
            if bool(problems(Path(folder))) != wanted:
                sys.exit(f'the self-test failed: {change}: {problems(Path(folder))}')


def main():
    self_test()
    finish(problems(Path(sys.argv[1])), 'faults of pages')


if __name__ == '__main__':
    main()
