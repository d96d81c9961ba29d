"""Makes of a page as a repository shows it what Doxygen reads.

page_filter.py PAGE: prints it, with an id for each heading, links that lead to those, links in the lists of index
pages as sub-pages, and state diagrams as tables, for a browser without scripts from elsewhere.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^(```|~~~)(\w*)\n(.*?)^\1[ ]*$', re.M | re.S)
HEADING = re.compile(r'^(#{1,6}) +(.+?) *#* *$', re.M)
LINK = re.compile(r'(?<![!\\])\[((?:[^\[\]]|\[[^\[\]]*\])+)\]\(([^)\s]+)\)')
CODE = re.compile(r'(`+)(?:(?!\1).|\n)+?\1')
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
    name = {'[*]': '·'}
    lines = [f'| {name.get(row[1], row[1])} | {name.get(row[2], row[2])} | {row[3] or ""} |' for row in rows if row]
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


def prose(path, text):
    """What is not fenced; code spans stay as they are."""
    spans = []

    def hide(match):
        spans.append(re.sub(r'\s*\n\s*', ' ', match[0]))
        return f'\x00{len(spans) - 1}\x00'

    text = CODE.sub(hide, text)
    text = LINK.sub(lambda match: link(path, match), text)
    text = re.sub(r'(?<![\w(])@(?!ref)', r'\\@', text)
    text = re.sub(r'(?<=[\s(])#(?=\d)', r'\\#', text)
    return re.sub('\x00(\\d+)\x00', lambda match: spans[int(match[1])], text)


def headings(path, text):
    seen, first = {}, [True]

    def identified(match):
        if first[0] and len(match[1]) == 1:
            first[0] = False
            return f'{match[1]} {match[2]} {{#{"mainpage" if page_id(path) == "index" else page_id(path)}}}'
        name = slug(match[2])
        seen[name] = seen.get(name, -1) + 1
        unique = name if seen[name] == 0 else f'{name}-{seen[name]}'
        return f'{match[1]} {match[2]} {{#{page_id(path)}--{unique}}}'

    return HEADING.sub(identified, text)


def main():
    path = Path(sys.argv[1]).resolve()
    page, out, at = path.read_text(), [], 0
    fences = list(FENCE.finditer(page))
    pieces = []
    for fence in fences + [None]:
        pieces.append((True, page[at:fence.start() if fence else len(page)]))
        if fence:
            made = diagram(fence[3]) if fence[2] == 'mermaid' else fence[0]
            pieces.append((False, made))
            at = fence.end()
    # Headings are numbered over the whole page, so fenced text is put aside meanwhile.
    text = ''.join(piece if is_prose else f'\x01{index}\x01' for index, (is_prose, piece) in enumerate(pieces))
    if path.name == 'index.md':
        text = with_subpages(path, text)
    text = headings(path, prose(path, text))
    text = re.sub('\x01(\\d+)\x01', lambda match: pieces[int(match[1])][1], text)
    sys.stdout.write(text)


if __name__ == '__main__':
    main()
