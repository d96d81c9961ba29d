"""Meson compiles what it is told to: every source file must be named in its folder's meson.build, and every public header
whose comments have an example in test/meson.build."""

import re
import sys
import tempfile
from pathlib import Path

from source import finish, line_of

# folder -> (suffix of the files, the meson.build that lists them)
LISTS = {
    'include/parley': ('.hpp', 'include/parley/meson.build'),
    'lib': ('.cpp', 'lib/meson.build'),
    'test': ('.cpp', 'test/meson.build'),
    'example': ('.cpp', 'example/meson.build'),
    'bench': ('.cpp', 'bench/meson.build'),
    'doc/snippets': ('.cpp', 'doc/snippets/meson.build'),
}
OF_THEIR_OWN = ('test/consumer/',)
EXAMPLE = re.compile(r'^ */// @code\n.*?^ */// @endcode$', re.M | re.S)
BARE_CODE = re.compile(r'^ */// {5}[^ \n][^\n]*[;{}]$', re.M)


def problems(root):
    found = []
    for folder, (suffix, build) in LISTS.items():
        here, file = Path(root) / folder, Path(root) / build
        files = {str(path.relative_to(file.parent)) for path in here.rglob('*' + suffix)
                 if not str(path.relative_to(root)).startswith(OF_THEIR_OWN)}
        text = re.sub(r'#[^\n]*', '', file.read_text()) if file.exists() else ''
        named = re.findall(r"'([^'\n@]*" + re.escape(suffix) + ")'", text)
        found += [f'{build}: does not name {name}' for name in sorted(files - set(named))]
        found += [f'{build}: names {name} twice'
                  for name in sorted({name for name in named if named.count(name) > 1})]
    return found + unlisted_examples(Path(root) / 'include/parley', Path(root) / 'test/meson.build')


def unlisted_examples(headers, build):
    listed = build.read_text() if build.exists() else ''
    found = []
    for path in sorted(headers.rglob('*.hpp')):
        name, text = path.relative_to(headers), path.read_text()
        if EXAMPLE.search(text) and f"'{name}'" not in listed:
            found.append(f'test/meson.build: does not name {name}, which has an example')
        rest = EXAMPLE.sub(lambda match: re.sub(r'[^\n]', '', match[0]), text)
        found += [f'include/parley/{name}:{line_of(rest, match.start())}: code outside of @code'
                  for match in BARE_CODE.finditer(rest)]
    return found


def self_test():
    good = {'lib/meson.build': "library('x', 'a/b.cpp')", 'lib/a/b.cpp': '', 'lib/a/b.hpp': '',
            'include/parley/meson.build': "'c.hpp'", 'include/parley/c.hpp': '/// @code\n/// int x;\n/// @endcode\n',
            'test/meson.build': "'c.hpp'"}
    bad = [{'lib/c.cpp': ''}, {'lib/meson.build': "# 'a/b.cpp'"}, {'test/unit/a_test.cpp': ''},
           {'lib/meson.build': "library('x', 'a/b.cpp', 'a/b.cpp')"},
           {'test/meson.build': ''}, {'include/parley/c.hpp': '///     int x;\n'}]
    for files, wanted in [(good, False)] + [(good | change, True) for change in bad]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_text(text)
            if bool(problems(folder)) != wanted:
                print(f'the self-test failed: {files}: {problems(folder)}')
                sys.exit(1)


def main():
    self_test()
    finish(problems(sys.argv[1]), 'differences between the tree and the build files')


if __name__ == '__main__':
    main()
