"""Makes of a page as a repository shows it what Doxygen reads.

page_filter.py PAGE: prints it, with an id for each heading, links that lead to those, links in the lists of index
pages as sub-pages, and state diagrams as tables, for a browser without scripts from elsewhere.
page_filter.py HEADER: prints it, with links where its comments cite a page, as `doc/protocol.md 1.3`, and with what
stands beside the title of a paragraph below it.
"""

import functools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^(```|~~~)(\w*)\n(.*?)^\1[ ]*$', re.M | re.S)
HEADING = re.compile(r'^(#{1,6}) +(.+?) *#* *$', re.M)
LINK = re.compile(r'(?<![!\\])\[((?:[^\[\]]|\[[^\[\]]*\])+)\]\(([^)\s]+)\)')
CODE = re.compile(r'(`+)(?:(?!\1).|\n)+?\1')
CITATION = re.compile(r'\bdoc/([\w-]+)\.md(?: (P?\d+(?:\.\d+)?)\b)?')
PARAGRAPH = re.compile(r'^( *///) (@par \w+(?: \w+)?)  +(?=\S)', re.M)
GUIDES = ('migration.md', 'troubleshooting.md')  # the other pages of doc/ speak of the wire and of the inside too
TYPE = re.compile(r'^(?:struct|class|enum class) (?:PARLEY_EXPORT )?(\w+)[^;{]*\{(?:[^\n]*\};|\n.*?^\};)', re.M | re.S)
MEMBER = re.compile(r'^    [\w:<>,&*\s]*?[\s&*](\w+)\([^;{]*\)[^;{]*[;{]', re.M)
TRANSITION = re.compile(r'^ *(\[\*\]|\w+) *--> *(\[\*\]|\w+)(?:: *(.*))?$')


def page_id(path):
    """The page `threads` in the folder `how-to` is `how-to-threads`."""
    name = path.relative_to(ROOT).with_suffix('')
    parts = name.parts[1:] if name.parts[0] == 'doc' else name.parts
    if parts == ('index',):
        return 'index'
    return '-'.join(part for part in parts if part != 'index').lower()


def slug(heading):
    """As GitHub makes it; Doxygen takes ASCII alone."""
    plain = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).replace('`', '').lower()
    return re.sub(r'[^a-z0-9_-]', '', re.sub(r'[^\w\- ]', '', plain).replace(' ', '-'))


def diagram(text):
    """The transitions of a Mermaid state diagram as a table."""
    rows = [(TRANSITION.match(line)) for line in text.splitlines()]
    lines = [f'| {row[1].replace("[*]", "(start)")} | {row[2].replace("[*]", "(end)")} | {row[3] or ""} |' for row in rows if row]
    return '\n'.join(['', '| from | to | when |', '| --- | --- | --- |', *lines, ''])


def target_of(path, target):
    """The reference that a link becomes; None for a file that is no page."""
    file, _, anchor = target.partition('#')
    other = (path.parent / file).resolve() if file else path
    if other.suffix != '.md' or not other.is_relative_to(ROOT) or not other.exists():
        return None
    if other == ROOT / 'README.md':
        return None
    return page_id(other) + (f'--{slug(anchor)}' if anchor else '')


def link(path, match):
    text, target = match[1], match[2]
    if re.match(r'[a-z]+:', target):
        return match[0]
    reference = target_of(path, target)
    return text if reference is None else f'[{text}](@ref {reference})'


def with_subpages(path, text):
    """In an index, the first link of a list's item makes that page a child of this one."""
    def child(match):
        reference = target_of(path, match[3])
        return match[0] if reference is None else f'{match[1]}\\subpage {reference} "{match[2]}"'
    return re.sub(r'^(- )\[([^\]]+)\]\(([^)\s#]+\.md)\)', child, text, flags=re.M)


@functools.cache
def public_names():
    """`chat_client`, `chat_client::ask` -> what Doxygen calls it; without those that name an errc too."""
    found = {}
    codes = set(re.findall(r'^ *(\w+) = \d', (ROOT / 'include/parley/error_code.hpp').read_text(), re.M))
    for header in sorted((ROOT / 'include/parley').rglob('*.hpp')):
        text = header.read_text()
        if 'detail' in header.parts or 'namespace step' in text:
            continue
        space = 'parley::testing' if 'testing' in header.parts else 'parley'
        for kind in TYPE.finditer(text):
            found.setdefault(kind[1], f'{space}::{kind[1]}')
            body = kind[0] if kind[0].startswith(('struct', 'class')) else ''
            for member in MEMBER.findall(body):
                found.setdefault(f'{kind[1]}::{member}', f'{space}::{kind[1]}::{member}')
    return {name: known for name, known in found.items() if name not in codes}


@functools.cache
def programs():
    """What Doxygen calls an example: those of the two folders, by their paths and by their names."""
    found = {}
    for folder in ('example', 'doc/snippets'):
        for path in (ROOT / folder).glob('*.cpp'):
            found |= {f'{folder}/{path.name}': path.name, path.name: path.name}
    return found


def reference(span):
    """A code span that is a program or a public name becomes a link to it; a plain word may mean something else."""
    text = span.strip('`')
    if text in programs():
        return f'<code>@ref {programs()[text]} "{text}"</code>'
    name = public_names().get(text.removesuffix('()')) if '_' in text or '::' in text else None
    return f'<code>@ref {name} "{text}"</code>' if name else span


def prose(path, text):
    """What is not fenced; code spans stay as they are, but those that name something public."""
    spans = []

    def hide(match):
        spans.append(re.sub(r'\s*\n\s*', ' ', match[0]))
        return f'\x00{len(spans) - 1}\x00'

    text = CODE.sub(hide, text)
    text = LINK.sub(lambda match: link(path, match), text)
    text = re.sub(r'(?<![\w(])@(?!ref)', r'\\@', text)
    text = re.sub(r'(?<=[\s(])#(?=\d)', r'\\#', text)
    text = re.sub(r'(?<=[≤≥]) (?=\d)', '&nbsp;', text)
    text = text.replace('<br>\x00', '<br> \x00')  # or Doxygen shows the tag
    text = re.sub('\\*\\*(\x00[^*]*)\\*\\*', r'<b>\1</b>', text)  # Doxygen takes no stars before a code span
    bare = re.sub(r'^#.*$|\[[^\]]*\]\([^)]*\)', lambda match: match[0].replace('\x00', '\x02'), text, flags=re.M)
    guide = page_id(path) == 'index' or path.parent.parent == ROOT / 'doc' or path.name in GUIDES
    text = re.sub('\x00(\\d+)\x00', lambda match: (reference if guide else str)(spans[int(match[1])]), bare)
    text = re.sub('\x02(\\d+)\x02', lambda match: spans[int(match[1])], text)
    return re.sub(r'%(?=[A-Za-z_])', '%%', text)  # Doxygen takes one away, from code too


def title(heading):
    """Doxygen shows the tags of code in headings: a quoted message stands in quotation marks, other code is plain."""
    plain = re.sub(r'^`([^`]*)`$', r'“\1”', heading).replace('`', '')
    return plain if plain == heading else re.sub('([@<>])', r'\\\1', plain)


def headings(path, text):
    seen, first = {}, [True]

    def identified(match):
        if first[0] and len(match[1]) == 1:
            first[0] = False
            return f'{match[1]} {match[2]} {{#{"mainpage" if page_id(path) == "index" else page_id(path)}}}'
        name, shown = slug(match[2]), title(match[2])
        seen[name] = seen.get(name, -1) + 1
        unique = name if seen[name] == 0 else f'{name}-{seen[name]}'
        return f'{match[1]} {shown} {{#{page_id(path)}--{unique}}}'

    return HEADING.sub(identified, text)


def filtered(path, page):
    pieces, at = [], 0
    for fence in [*FENCE.finditer(page), None]:
        pieces.append(page[at:fence.start() if fence else len(page)])
        if fence:
            pieces.append(diagram(fence[3]) if fence[2] == 'mermaid' else fence[0])
            at = fence.end()
    # Headings are numbered over the whole page, so what is fenced is put aside meanwhile.
    text = ''.join(piece if index % 2 == 0 else f'\x01{index}\x01' for index, piece in enumerate(pieces))
    if path.name == 'index.md':
        text = with_subpages(path, text)
    text = headings(path, prose(path, text))
    return re.sub('\x01(\\d+)\x01', lambda match: pieces[int(match[1])], text)


def cited(match):
    """Of a section, the one whose heading begins with its number."""
    path = ROOT / f'doc/{match[1]}.md'
    section = re.search(rf'^#+ ({re.escape(match[2])}\.? .*)$', path.read_text(), re.M) if match[2] else None
    return f'[{match[0]}](@ref {page_id(path)}{"--" + slug(section[1]) if section else ""})'


def header_comments(header):
    linked = re.sub(r'///.*$', lambda comment: CITATION.sub(cited, comment[0]), header, flags=re.M)
    return PARAGRAPH.sub(r'\1 \2\n\1 ', linked)  # to Doxygen the rest of the line is the title


def self_test():
    header = ('/// It is (doc/protocol.md 1.3); see doc/pitfalls.md.\n///\n    /// @par Thread safety   every\n'
              'int doc; // doc/protocol.md\n')
    linked = header.replace('doc/protocol.md 1.3', '[doc/protocol.md 1.3](@ref protocol--13-a-ticket)', 1).replace(
        'doc/pitfalls.md', '[doc/pitfalls.md](@ref pitfalls)').replace('safety   every', 'safety\n    /// every')
    if header_comments(header) != linked:
        sys.exit(f'the self-test failed: {header_comments(header)!r}')
    index, page = ROOT / 'doc/index.md', ROOT / 'doc/protocol.md'
    for path, text, wanted in [
            (page, '# A\n\n## B c\n\n## B c\n', '# A {#protocol}\n\n## B c {#protocol--b-c}\n\n## B c {#protocol--b-c-1}\n'),
            (page, '[x](pitfalls.md#a-b) [y](https://z.org/a.md) [z](../LICENSE)', '[x](@ref pitfalls--a-b) [y](https://z.org/a.md) z'),
            (index, '# A\n- [x](protocol.md): y', '# A {#mainpage}\n- \\subpage protocol "x": y'),
            (index, '`chat_client::ask` `answer` [`chat_client`](https://z.org)', '<code>@ref parley::chat_client::ask "chat_client::ask"</code> `answer` [`chat_client`](https://z.org)'),
            (index, '`example/ask.cpp`', '<code>@ref ask.cpp "example/ask.cpp"</code>'),
            (page, '```mermaid\nstateDiagram-v2\n    [*] --> a: b\n```\n', '\n| from | to | when |\n| --- | --- | --- |\n| (start) | a | b |\n\n'),
            (page, '**`a` b** **c**', '<b>`a` b</b> **c**'),
            (page, '# A\n## `a@b …`\n## B `c`\n',
             '# A {#protocol}\n## “a\\@b …” {#protocol--ab-}\n## B c {#protocol--b-c}\n'),
            (page, '`%XX` 5 % of', '`%%XX` 5 % of'),
            (page, '```\n## [a](b)\n```\nx@y @z', '```\n## [a](b)\n```\nx@y \\@z')]:
        if filtered(path, text) != wanted:
            sys.exit(f'the self-test failed: {filtered(path, text)!r}')


def main():
    if sys.argv[1] == '--self-test':
        return self_test()
    path = Path(sys.argv[1]).resolve()
    text = path.read_text()
    sys.stdout.write(filtered(path, text) if path.suffix == '.md' else header_comments(text))


if __name__ == '__main__':
    main()
