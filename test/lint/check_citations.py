"""Every citation leads somewhere: to a section of a book in doc/, a file, a heading, a test.

check_citations.py ROOT

In code and pages, `doc/protocol.md 2.2` and `doc/pitfalls.md P26, P27` name sections that exist, and every
`NAME.md` is a file. In pages, links lead to files and headings, a path in backticks is a file, and a list
item "`test/file.cpp` name" names a test of that file. Sections of RFCs are not looked up.
"""

import re
import sys
import tempfile
from pathlib import Path

from check_catalogue import CASE, TEXT
from source import finish

FOLDERS = ('include', 'lib', 'test', 'example', 'bench', 'doc', '.ci')
SUFFIXES = {'.hpp', '.cpp', '.in', '.py', '.sh', '.md', '.build', '.txt', '.json', '.js', '.html', '.patch', ''}
SKIPPED = {'corpus', 'node_modules', '__pycache__'}

SECTION = r'[A-Z]?\d+(?:\.\d+)*'
AND = r'(?:, and | and | to |, )'
CITATION = re.compile(rf'\bdoc/(\w[\w-]*\.md)`?(?:(?: |{AND})({SECTION}\b(?:{AND}{SECTION}\b)*))?')
HEADING = re.compile(r'^(#{1,6}) +(.+?) *#* *$', re.M)
NUMBERED = re.compile(rf'({SECTION})\.? ')
ROW = re.compile(r'^\| ([A-Z]\d+) \|', re.M)
PAGE = re.compile(r'[\w./-]*\w\.md\b')
BARE = re.compile(r'\b(?:PROTOCOL|PITFALLS|P\d{1,2})\b')
LINK = re.compile(r'(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)')
PATH = re.compile(r'`(?:bash |python3 )?((?:include|lib|test|example|bench|doc|\.ci)/[\w./+-]*\w)[` ]')
GUARD = re.compile(r'^ *- `(test/[^`]+\.cpp)` (.+?) *$', re.M)
FENCE = re.compile(r'^(```|~~~).*?^\1', re.M | re.S)
WRAP = re.compile(r'\n[ +-]*(?://+|#+|\*)?[ \t]*')


def files(root):
    yield from (path for path in sorted(root.iterdir()) if path.is_file() and path.suffix in SUFFIXES)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob('*')):
            if path.is_file() and path.suffix in SUFFIXES and not SKIPPED & set(path.parts):
                yield path


def without_code(page):
    """The page with what is fenced blanked."""
    return FENCE.sub(lambda match: re.sub(r'[^\n]', ' ', match[0]), page)


def headings(page):
    return [match[2] for match in HEADING.finditer(without_code(page))]


def sections(page):
    """Headings with a number, and rows of tables that begin with one."""
    return {match[1] for one in headings(page) if (match := NUMBERED.match(one))} | set(ROW.findall(page))


def anchors(page):
    """The ids that GitHub gives to the headings."""
    found = []
    for one in headings(page):
        slug = re.sub(r'[^\w\- ]', '', one.lower()).replace(' ', '-')
        found.append(f'{slug}-{found.count(slug)}' if slug in found else slug)
    return found


def citations(text, books, own):
    """What is wrong with the citations of a text; `own` are the sections of the text itself."""
    text = WRAP.sub(' ', text)
    for match in CITATION.finditer(text):
        if match[1] in books and match[2]:  # what is no file is found by `pages`
            yield from (f'doc/{match[1]} has no section {one}'
                        for one in re.findall(SECTION, match[2]) if one not in books[match[1]])
    yield from (f'{one} is no citation: name a book in doc/'
                for one in sorted(set(BARE.findall(CITATION.sub(' ', text))) - own))


def pages(path, text, root):
    for name in sorted(set(PAGE.findall(re.sub(r'https?://\S+', '', text)))):
        if not name.startswith('/') and not any((here / name).exists() for here in (root, root / 'doc', path.parent)):
            yield f'there is no {name}'


def links(path, page, root, cases):
    for match in LINK.finditer(page):
        target, _, anchor = match[1].partition('#')
        file = path.parent / target if target else path
        if re.match(r'[a-z]+:', target):
            continue
        if not file.exists():
            yield f'a link leads to {target}, which does not exist'
        elif anchor and anchor not in anchors(file.read_text()):
            yield f'a link leads to {match[1]}, and there is no such heading'
    for match in PATH.finditer(page):
        if not re.search(r'/[A-Z_]+(?:/|$)', match[1]) and not (root / match[1]).exists():
            yield f'there is no {match[1]}'
    for file, name in GUARD.findall(page):
        if name not in cases.get(file, ()):
            yield f'there is no "{name}" in {file}'


def problems(root):
    books = {path.name: sections(path.read_text()) for path in (root / 'doc').glob('*.md')}
    cases = {str(path.relative_to(root)): {''.join(TEXT.findall(match[1])) for match in CASE.finditer(path.read_text())}
             for path in (root / 'test').rglob('*.cpp')}
    found = []
    for path in files(root):
        if path.name == Path(__file__).name:
            continue
        text = path.read_text(errors='replace')
        own = books[path.name] if path.parent == root / 'doc' and path.name in books else set()
        wrong = [*citations(text, books, own), *pages(path, text, root)]
        if path.suffix == '.md':
            wrong += links(path, without_code(text), root, cases)
        found += [f'{path.relative_to(root)}: {one}' for one in wrong]
    return found


def self_test():
    book = ('# Book\n\n## 1. One\n\n### 1.2 Two words\n\n## Trap\n\n### P7. A trap\n\n'
            '```\n## 9. none\n```\n\n| J2 | a row |\n')
    page = ('[a](book.md#12-two-words) [b](#page) [c](https://x.org/none.md) `test/a.cpp`\n# Page\n'
            '- Guard\n  - `test/a.cpp` a: works\n')
    code = ('// doc/book.md 1, 1.2 and J2, and doc/book.md\n// RFC 1 section 9.9 (doc/book.md\n// P7)\n'
            'TEST_CASE("a: works", "[a]")')
    good = {'doc/book.md': book, 'doc/page.md': page, 'test/a.cpp': code}
    bad = [('lib/a.cpp', '// doc/book.md 1.3'), ('lib/a.cpp', '// doc/book.md 1 and 3'),
           ('lib/a.hpp', '/// (doc/book.md\n/// P8)'), ('lib/a.cpp', '// doc/book.md P7 to P9'),
           ('lib/a.cpp', '// doc/book.md 9'), ('lib/a.cpp', '// doc/book.md J3'), ('lib/a.cpp', '// see OTHER.md 1'),
           ('lib/a.cpp', '// (P7)'), ('lib/a.cpp', '// PROTOCOL 2'), ('test/run.sh', '# doc/book.md 5'),
           ('.ci/run', '# doc/none.md'), ('doc/b.md', '`doc/book.md` 5'), ('doc/b.md', '[a](none.md)'),
           ('doc/b.md', '[a](book.md#three)'), ('doc/b.md', '`test/none.cpp`'),
           ('doc/b.md', '- x\n  - `test/a.cpp` a: fails\n'), ('README.md', '[a](doc/none.md)')]
    for change, wanted in [({}, False)] + [({name: text}, True) for name, text in bad]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (good | change).items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text)
            if bool(problems(Path(folder))) != wanted:
                sys.exit(f'the self-test failed: {change}: {problems(Path(folder))}')


def main():
    self_test()
    finish(problems(Path(sys.argv[1])), 'citations that lead nowhere')


if __name__ == '__main__':
    main()
