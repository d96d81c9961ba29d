"""Builds the documentation with Doxygen; every warning is an error.

doxygen.py OUTPUT [AWESOME]: writes OUTPUT/html. AWESOME is where the style sheets of doxygen-awesome-css are. Public
names that may still be undocumented stand in doc/undocumented.txt, which may only shrink: a name in it that is
documented, or that is gone, is an error too.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = ROOT / 'doc/undocumented.txt'
UNDOCUMENTED = re.compile(r'(?:Member|Compound) (.+?)(?: \((\w+)\) of (?:class|struct|namespace|file) (\S+|.+?))? is not documented\.')
# Of Doxygen itself, about specialisations of other people's templates.
NOISE = re.compile(r'Internal inconsistency: scope for class (?:boost|fmt)::')
SCRIPTS = '''<script type="text/javascript" src="$relpath^doxygen-awesome-darkmode-toggle.js"></script>
<script type="text/javascript" src="$relpath^doxygen-awesome-fragment-copy-button.js"></script>
<script type="text/javascript">DoxygenAwesomeDarkModeToggle.init(); DoxygenAwesomeFragmentCopyButton.init()</script>
'''


def name_of(match):
    plain = re.sub(r'\s+', ' ', match[1])
    return f'{match[3]}::{plain}' if match[3] else plain


def run_doxygen(*arguments):
    return subprocess.run(['doxygen', *arguments], capture_output=True, text=True, check=True).stdout


def version():
    return re.search(r"version: '([^']+)'", (ROOT / 'meson.build').read_text())[1]


def examples():
    """A page for each program; the pages of what it uses list it."""
    names = sorted(path.name for folder in ('example', 'doc/snippets') for path in (ROOT / folder).glob('*.cpp'))
    return ''.join(f'/** @example {name} */\n' for name in names)


def configuration(output, awesome):
    (output / 'examples.dox').write_text(examples())
    header = output / 'header.html'
    run_doxygen('-w', 'html', header, output / 'footer.html', output / 'style.css')
    header.write_text(header.read_text().replace('</head>', SCRIPTS + '</head>'))
    inputs = [ROOT / 'include/parley', ROOT / 'doc/namespaces.dox', output / 'examples.dox', *sorted((ROOT / 'doc').rglob('*.md')), ROOT / 'SECURITY.md',
              ROOT / 'CHANGELOG.md', ROOT / 'CONTRIBUTING.md']
    values = {'version': version(), 'output': output, 'root': ROOT, 'awesome': awesome, 'header': header,
              'input': ' '.join(f'"{path}"' for path in inputs)}
    text = re.sub(r'@(\w+)@', lambda match: str(values[match[1]]), (ROOT / 'doc/Doxyfile.in').read_text())
    if tuple(map(int, re.findall(r'\d+', run_doxygen('--version'))[:3])) >= (1, 9, 5):
        text += 'HTML_COLORSTYLE = LIGHT\n'  # a newer Doxygen has dark colours of its own; the style sheet has both
    return text


def problems(log, allowed):
    found, undocumented = [], set()
    for line in log.splitlines():
        if NOISE.search(line) or not line.strip():
            continue
        if match := UNDOCUMENTED.search(line):
            undocumented.add(name_of(match))
            if name_of(match) in allowed:
                continue
        found.append(line.replace(f'{ROOT}/', ''))
    gone = sorted(allowed - undocumented)
    return found + [f'doc/undocumented.txt: {name} is documented, or gone: take it out' for name in gone], undocumented


def bare_enumerators(header):
    """Enumerators without a comment, about which Doxygen is silent."""
    found = []
    for match in re.finditer(r'^ *enum class (\w+) \{(.*?)\};', header, re.M | re.S):
        before = ''
        for line in match[2].splitlines():
            text = line.strip()
            if text and not text.startswith('//') and '///<' not in text and not before.startswith('///'):
                found.append(f'{match[1]}: {text}')
            before = text
    return found


def without_example_links(html):
    """Doxygen makes links of addresses in code, which are examples and lead nowhere."""
    for path in html.glob('*.html'):
        text = path.read_text(errors='surrogateescape')
        plain = re.sub(r'(<code>[^<]*)<a href="https?://[^"]*">([^<]*)</a>', r'\1\2', text)
        if plain != text:
            path.write_text(plain, errors='surrogateescape')


def raw_tags(html):
    """What Doxygen did not understand as a tag stands in the text."""
    return [f'{path.name}: a tag is shown: {match[0]}' for path in sorted(html.glob('*.html'))
            for match in re.finditer(r'.{0,40}&lt;/?(?:b|br|code|em|i|p|tt)/?&gt;', path.read_text(errors='replace'))]


def dead_links(html):
    """Links within the built pages that lead to no page, or to no place in it; and how many links there are."""
    pages = {path.name: path.read_text(errors='replace') for path in sorted(html.glob('*.html'))}
    places = {name: set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) for name, text in pages.items()}
    found, count = [], 0
    for name, text in pages.items():
        if re.search(r'-members\.html|^functions', name):  # Doxygen 1.9.4 has no place for a friend operator there
            continue
        for target in sorted(set(re.findall(r'\bhref="([^"]+)"', text))):
            file, _, place = target.partition('#')
            if re.match(r'\w+:', target) or file.endswith(('.css', '.js', '.svg', '.png')):
                continue
            count += 1
            file = file or name
            if file not in pages or place and place not in places[file]:
                found.append(f'{name}: a link leads to {target}, which does not exist')
    return found, count


def public_names(tags):
    """How many types and members the tag file has."""
    compounds = ElementTree.parse(tags).getroot().findall('compound')
    return sum(each.get('kind') in ('class', 'struct', 'concept') for each in compounds) + sum(
        len(each.findall('member')) for each in compounds if each.get('kind') in ('class', 'struct', 'namespace'))


def self_test():
    good = 'enum class a {\n    // 1\n    x, ///< y\n    /// z\n    w\n};'
    if bare_enumerators(good) or not bare_enumerators(good.replace('///<', '//')) or not bare_enumerators('enum class a { x };'):
        sys.exit('the self-test failed: enumerators')

    log = ('a.hpp:1: Member f() (function) of class x is not documented.\na.hpp:2: Compound y is not documented.\n'
           'a.hpp:3: Internal inconsistency: scope for class fmt::formatter< x > not found!\n')
    for text, allowed, count in [(log, {'x::f()', 'y'}, 0), (log, {'y'}, 1), (log, {'x::f()', 'y', 'z'}, 1),
                                 ('x:1: unable to resolve reference', set(), 1)]:
        if len(problems(text, allowed)[0]) != count:
            sys.exit(f'the self-test failed: {problems(text, allowed)}')


def main():
    self_test()
    output = Path(sys.argv[1]).resolve()
    awesome = Path(sys.argv[2] if len(sys.argv) > 2 else '/usr/share/doxygen-awesome-css')
    shutil.rmtree(output / 'html', ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    (output / 'Doxyfile').write_text(configuration(output, awesome))
    run = subprocess.run(['doxygen', output / 'Doxyfile'], capture_output=True, text=True, check=False)
    allowed = set(ALLOWED.read_text().splitlines()) if ALLOWED.exists() else set()
    found, undocumented = problems(run.stderr, allowed)
    for path in sorted((ROOT / 'include/parley').rglob('*.hpp')):
        found += [f'{path.relative_to(ROOT)}: the enumerator is not documented: {one}' for one in bare_enumerators(path.read_text())]
    without_example_links(output / 'html')
    links, count = dead_links(output / 'html')
    found += links + raw_tags(output / 'html')
    print('\n'.join(found))
    if run.returncode != 0:
        sys.exit(f'doxygen ended with {run.returncode}')
    pages = list((ROOT / 'doc').rglob('*.md'))
    programs = [path for folder in ('example', 'doc/snippets') for path in (ROOT / folder).glob('*.cpp')]
    snippets = sum(path.read_text().count('\n\\snippet ') for path in pages)
    errors = re.findall(r'^    \w+ = \d+', (ROOT / 'include/parley/error_code.hpp').read_text(), re.M)
    print(f'{len(pages) + 3} pages, {snippets} snippets of {len(programs)} programs, {public_names(output / "parley.tag")} public '
          f'names, {len(undocumented)} of them undocumented, {len(errors)} error codes, {count} links, {len(found)} problems: '
          f'{output}/html/index.html')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
