"""What the lints share: reading C++ without its comments and literals, reporting, self-tests."""

import re
import sys
from pathlib import Path

_SKIPPED = re.compile(
    r'//(?:\\\n|[^\n])*'
    r'|/\*.*?\*/'
    r'|(?:u8|[uUL])?R"([^()\\\s]{0,16})\(.*?\)\1"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])+'",
    re.S,
)


def code_only(text):
    """The text with comments and the insides of literals blanked; every offset stays the same."""

    def blank(match):
        found = match.group(0)
        hidden = re.sub(r'[^\n]', ' ', found)
        if found.startswith(('//', '/*')):
            return hidden
        return '"' + hidden[1:-1] + '"'

    return _SKIPPED.sub(blank, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def cpp_files(root, *folders):
    for folder in folders:
        for path in sorted((Path(root) / folder).rglob('*')):
            if path.suffix in ('.hpp', '.cpp'):
                yield path


def finish(findings, what):
    for finding in findings:
        print(finding)
    print(f'{len(findings)} {what}')
    sys.exit(1 if findings else 0)


def self_test(check, good, bad):
    """A lint that finds nothing proves nothing: it must pass the good and catch each of the bad."""
    wrong = [f'a false alarm: {snippet!r}: {check(snippet)}' for snippet in good if check(snippet)]
    wrong += [f'not caught: {snippet!r}' for snippet in bad if not check(snippet)]
    if wrong:
        print('the self-test failed')
        print('\n'.join(wrong))
        sys.exit(1)
