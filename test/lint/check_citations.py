"""Every citation leads somewhere: a section of the books in doc/, a file, a test, a heading.

check_citations.py ROOT

In code and pages alike: `doc/protocol.md 2.2` and `doc/pitfalls.md P26, P27` name sections that exist, and every
`NAME.md` is a file. In pages: links lead to files and headings, `folder/file` in backticks is a file, and behind
`test/file.cpp` in a list stands the name of a test in it. Sections of RFCs are not looked up.
"""

import re
import sys
import tempfile
from pathlib import Path

from check_catalogue import CASE, TEXT
from check_security import PROOF
from source import finish

FOLDERS = ('include', 'lib', 'test', 'example', 'bench', 'doc', '.ci')
SUFFIXES = {'.hpp', '.cpp', '.in', '.py', '.sh', '.md', '.build', '.txt', '.json', '.js', '.html', '.patch'}
SKIPPED = {'corpus', 'node_modules', '__pycache__'}

SECTION = r'[A-Z]?\d+(?:\.\d+)*'
CITATION = re.compile(rf'\bdoc/(\w[\w-]*\.md)((?: |, | and |, and | to )(?={SECTION}\b)(?:{SECTION}(?:, and | and | to |, )?)+)?')
ONE = re.compile(SECTION)
HEADING = re.compile(r'^(#{1,6}) +(.+?) *#* *$', re.M)
NUMBERED = re.compile(rf'({SECTION})\.? ')
ROW = re.compile(r'^\| ([A-Z]\d+) \|', re.M)
PAGE = re.compile(r'[\w./-]*\w\.md\b')
BARE = re.compile(r'\b(?:PROTOCOL|PITFALLS|P\d{1,2})\b')
LINK = re.compile(r'(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)')
PATH = re.compile(r'`(?:bash |python3 )?((?:include|lib|test|example|bench|doc|\.ci)/[\w./+-]*\w)[` ]')
FENCE = re.compile(r'^(```|~~~).*?^\1', re.M | re.S)
WRAP = re.compile(r'\n[ +-]*(?://+|#+|\*)?[ \t]*')


def files(root):
    for path in sorted(root.iterdir()):
        if path.is_file() and path.suffix in SUFFIXES:
            yield path
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob('*')):
            if path.is_file() and path.suffix in SUFFIXES and not SKIPPED & set(path.parts):
                yield path
        run = root / folder / 'run'
        if run.is_file():
            yield run


def without_code(page):
    """The page with what is fenced blanked."""
    return FENCE.sub(lambda match: re.sub(r'[^\n]', ' ', match[0]), page)


def headings(page):
    return [match[2] for match in HEADING.finditer(without_code(page))]


def sections(page):
    """Those with a number, and the rows of tables that begin with one."""
    return {match[1] for one in headings(page) if (match := NUMBERED.match(one))} | set(ROW.findall(page))


def anchors(page):
    """As GitHub makes them."""
    found = {}
    for one in headings(page):
        slug = re.sub(r'[^\w\- ]', '', one.replace('`', '').lower()).replace(' ', '-')
        found[slug] = found.get(slug, -1) + 1
    return {slug if count == 0 else f'{slug}-{count}' for slug, most in found.items() for count in range(most + 1)}


def cited(text, books, own=frozenset()):
    """What is wrong with the citations of a text, whose lines are joined. `own` are its own sections."""
    found = []
    for match in CITATION.finditer(text):
        book = books.get(match[1])
        if book is not None:  # else it is no file, and told as such
            found += [f'doc/{match[1]} has no section {one}' for one in ONE.findall(match[2] or '') if one not in book]
    rest = CITATION.sub(' ', text)
    return found + [f'{one} is no citation: name the book, doc/protocol.md or doc/pitfalls.md' for one in
                    sorted(set(BARE.findall(rest)) - own)]


def pages_of(path, text, root):
    """Files that are named and do not exist."""
    names = {match[0] for match in PAGE.finditer(re.sub(r'https?://\S+', '', text))}
    return [f'there is no {name}' for name in sorted(names)
            if not name.startswith('/') and not any((folder / name).exists() for folder in (root, root / 'doc', path.parent))]


def in_page(path, page, root, cases):
    found, prose = [], without_code(page)
    for match in LINK.finditer(prose):
        target, _, anchor = match[1].partition('#')
        if re.match(r'[a-z]+:', target):
            continue
        file = path.parent / target if target else path
        if not file.exists():
            found.append(f'a link leads to {target}, which does not exist')
        elif anchor and anchor not in anchors(file.read_text()):
            found.append(f'a link leads to {match[1]}, and there is no such heading')
    for match in PATH.finditer(prose):
        if not re.search(r'/[A-Z_]+(?:/|$)', match[1]) and not (root / match[1]).exists():
            found.append(f'there is no {match[1]}')
    found += [f'there is no "{name}" in {file}' for file, name in PROOF.findall(prose)
              if re.search(rf'^ *- `{re.escape(file)}` {re.escape(name)}', prose, re.M) and name not in cases.get(file, ())]
    return found


def problems(root):
    books = {path.name: sections(path.read_text()) for path in (root / 'doc').glob('*.md')}
    cases = {str(path.relative_to(root)): {''.join(TEXT.findall(match[1])) for match in CASE.finditer(path.read_text())}
             for path in (root / 'test').rglob('*.cpp')}
    found = []
    for path in files(root):
        if path.name == Path(__file__).name:
            continue
        text = path.read_text(errors='replace')
        about = cited(WRAP.sub(' ', text), books, books.get(path.name, set()) if path.parent == root / 'doc' else set()) + pages_of(path, text, root)
        if path.suffix == '.md':
            about += in_page(path, text, root, cases)
        found += [f'{path.relative_to(root)}: {one}' for one in about]
    return found


def self_test():
    good = {'doc/book.md': '# Book\n\n## 1. One\n\n### 1.2 Two words\n\n## Trap\n\n### P7. A trap\n\n```\n## 9. none\n```\n\n| J2 | a row |\n',
            'doc/page.md': '[a](book.md#12-two-words) [b](#page) [c](https://x.org/none.md) `test/a.cpp`\n# Page\n'
                           '- Guard\n  - `test/a.cpp` a: works\n',
            'test/a.cpp': '// doc/book.md 1, 1.2 and J2, and doc/book.md\n// RFC 1 section 9.9 (doc/book.md P7)\nTEST_CASE("a: works", "[a]")'}
    bad = [{'lib/a.cpp': '// doc/book.md 1.3'}, {'lib/a.cpp': '// doc/book.md 1 and 3'}, {'lib/a.hpp': '/// (doc/book.md\n/// P8)'},
           {'lib/a.cpp': '// doc/book.md P7 to P9'}, {'lib/a.cpp': '// doc/book.md 9'}, {'lib/a.cpp': '// see OTHER.md 1'},
           {'lib/a.cpp': '// (P7)'}, {'lib/a.cpp': '// PROTOCOL 2'}, {'doc/b.md': '[a](none.md)'}, {'doc/b.md': '[a](book.md#three)'},
           {'doc/b.md': '`test/none.cpp`'}, {'doc/b.md': '- x\n  - `test/a.cpp` a: fails\n'}, {'README.md': '[a](doc/none.md)'},
           {'test/run.sh': '# doc/book.md 5'}, {'lib/a.cpp': '// doc/book.md J3'}]
    for change, wanted in [({}, False)] + [(each, True) for each in bad]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (good | change).items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text)
            if bool(problems(Path(folder))) != wanted:
                print(f'the self-test failed: {change}: {problems(Path(folder))}')
                sys.exit(1)


def main():
    self_test()
    finish(problems(Path(sys.argv[1])), 'citations that lead nowhere')


if __name__ == '__main__':
    main()
