"""What an error of the library has of the server's words was made by a redactor: a raw text is not quoted.

check_quotations.py ROOT
"""

import re
import sys
from pathlib import Path

from source import code_only, cpp_files, finish, line_of, self_test

ASSIGNED = re.compile(r'\bserver_(?:text|code)\s*=(?!=)\s*([^;]*);')
QUOTED = re.compile(r'\.\s*text\(\)$')


def check(text):
    code = code_only(text)
    return [(line_of(code, each.start()), each[0]) for each in ASSIGNED.finditer(code) if not QUOTED.search(each[1])]


def problems(root):
    found = []
    for path in cpp_files(root, 'lib'):
        if 'testing' in path.parts:  # the server's side
            continue
        name = path.relative_to(root)
        found += [f'{name}:{line}: {" ".join(what.split())}' for line, what in check(path.read_text())]
    return found


def main():
    self_test(check, ['d.server_text = gate.quote(words).text();', 'if (d.server_code == "A") return;',
                      'd.server_code =\n    body.words("code").text();'],
              ['d.server_text = words;', 'd.server_code = std::move(code);', 'd.server_text = shorten_and_escape(t);'])
    finish(problems(Path(sys.argv[1])), 'words of a server that are no quotations')


if __name__ == '__main__':
    main()
