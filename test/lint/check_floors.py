"""Checks that every include points to a lower floor; floors.json says where the floors are."""

import json
import re
import sys
import tempfile
from pathlib import Path

from source import cpp_files, finish, line_of

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


class Tree:
    def __init__(self, root, rules):
        self.root = Path(root)
        self.rules = rules
        self.files = {str(path.relative_to(root)): path.read_text()
                      for path in cpp_files(root, 'include', 'lib')}
        self.findings = []
        self.edges = {name: [] for name in self.files}

    def floor_of(self, name):
        """The (floor, folder) of a file; the longest prefix in floors.json decides."""
        matches = [(len(prefix), floor, folder['name'])
                   for folder in self.rules['folders']
                   for prefix, floor in folder['floors'].items() if name.startswith(prefix)]
        return max(matches)[1:] if matches else None

    def wider(self, name):
        """Whether this public header may include more of Asio than the rest."""
        return name == self.rules['umbrella'] or \
            name.startswith(tuple(self.rules['wider_public_headers']))

    def complain(self, name, offset, why):
        self.findings.append(f'{name}:{line_of(self.files[name], offset)}: {why}')

    def resolve(self, quote, target):
        if target.startswith('parley/'):
            return 'include/' + target
        return 'lib/' + target if quote == '"' else None

    def check_file(self, name):
        here = self.floor_of(name)
        if here is None:
            self.findings.append(f'{name}: is on no floor: add its folder to floors.json')
            return
        for match in INCLUDE.finditer(self.files[name]):
            quote, target = match.groups()
            other = self.resolve(quote, target)
            if other is None:
                self.check_foreign(name, match.start(), target)
            elif target in self.rules['generated']:
                pass
            elif other not in self.files:
                self.complain(name, match.start(), f'includes {target}, which does not exist')
            else:
                self.edges[name].append(other)
                self.check_edge(name, match.start(), here, other)

    def check_edge(self, name, offset, here, other):
        there = self.floor_of(other)
        if name.startswith('include/') and other.startswith('lib/'):
            self.complain(name, offset, f'a public header includes {other}')
        elif other == self.rules['umbrella']:
            self.complain(name, offset, 'includes the umbrella header, which is for users')
        elif other in self.rules['optional_headers']:
            self.complain(name, offset, f'includes {other}, which is for users that have the library')
        elif name.startswith('include/') and self.wider(other) and not self.wider(name):
            self.complain(name, offset, f'a public header includes the wider {other}')
        elif there and (there[0] > here[0] or (there[0] == here[0] and there[1] != here[1])):
            way = 'upward' if there[0] > here[0] else 'sideways'
            self.complain(name, offset, f'floor {here[0]} includes {way}: {other}, floor {there[0]}')

    def check_foreign(self, name, offset, target):
        for prefix, allowed in self.rules['heavy'].items():
            if target.startswith(prefix) and name not in allowed:
                self.complain(name, offset, f'includes {target}, which only these may: {allowed}')
        own = self.rules['optional_headers'].get(name)  # what this one is for
        if own and target.startswith(own):
            return
        if name.endswith('.hpp'):
            for prefix in self.rules['never_in_headers']:
                if target.startswith(prefix):
                    self.complain(name, offset, f'a header includes {target}')
        if name.startswith('include/') and not self.wider(name):
            if '/' in target and target not in self.rules['public_headers_may_include']:
                self.complain(name, offset, f'a public header includes {target}')

    def check_cycles(self):
        done, path = set(), []

        def visit(name):
            if name in path:
                cycle = path[path.index(name):] + [name]
                self.findings.append('an include cycle: ' + ' -> '.join(cycle))
            elif name not in done:
                path.append(name)
                for other in self.edges[name]:
                    visit(other)
                path.pop()
                done.add(name)

        for name in self.files:
            visit(name)

    def check(self):
        for name in self.files:
            self.check_file(name)
        self.check_cycles()
        for prefix, allowed in self.rules['heavy'].items():
            self.findings += [f'floors.json: lets {name} include {prefix}, but there is no such file'
                              for name in allowed if name not in self.files]
        return self.findings


SELF_TEST_RULES = {
    'folders': [
        {'name': 'public', 'floors': {'include/parley/': 0}},
        {'name': 'core', 'floors': {'lib/core/': 1}},
        {'name': 'policy', 'floors': {'lib/policy/': 3, 'lib/policy/backoff': 2}},
        {'name': 'wire', 'floors': {'lib/wire/': 2}},
        {'name': 'async', 'floors': {'lib/async/': 2}},
    ],
    'heavy': {'simdjson': ['lib/wire/reader.cpp']},
    'never_in_headers': ['fmt/'],
    'optional_headers': {'include/parley/fmt.hpp': 'fmt/'},
    'public_headers_may_include': ['boost/asio/awaitable.hpp'],
    'wider_public_headers': ['include/parley/detail/'],
    'umbrella': 'include/parley/parley.hpp',
    'generated': ['parley/version.hpp'],
}

SELF_TEST_GOOD = {
    'include/parley/error.hpp': '#include <boost/asio/awaitable.hpp>\n#include <string>',
    'include/parley/event.hpp': '#include <parley/error.hpp>\n#include <parley/version.hpp>',
    'include/parley/fmt.hpp': '#include <parley/event.hpp>\n#include <fmt/format.h>',
    'include/parley/parley.hpp': '#include <parley/event.hpp>',
    'include/parley/detail/strand.hpp': '#include <boost/asio/strand.hpp>',
    'lib/core/url.hpp': '#include <parley/error.hpp>',
    'lib/policy/backoff.hpp': '#include "core/url.hpp"',
    'lib/policy/session_fsm.hpp': '#include "policy/backoff.hpp"',
    'lib/policy/session_fsm.cpp': '#include "policy/session_fsm.hpp"\n#include <fmt/format.h>',
    'lib/wire/reader.cpp': '#include <simdjson.h>',
    'lib/async/shared_awaitable.hpp': '',
}

SELF_TEST_BAD = {
    'upward': {'lib/core/url.hpp': '#include "policy/backoff.hpp"'},
    'sideways': {'lib/wire/reader.cpp': '#include <simdjson.h>\n#include "async/shared_awaitable.hpp"'},
    'a cycle': {'include/parley/error.hpp': '#include <parley/event.hpp>'},
    'private from public': {'include/parley/event.hpp': '#include "core/url.hpp"'},
    'the umbrella': {'lib/core/url.hpp': '#include <parley/parley.hpp>'},
    'a heavy header': {'lib/policy/session_fsm.cpp': '#include <simdjson.h>'},
    'fmt in a header': {'lib/core/url.hpp': '  #  include <fmt/core.h>'},
    'what is optional': {'include/parley/parley.hpp': '#include <parley/fmt.hpp>'},
    'more in what is optional': {'include/parley/fmt.hpp': '#include <boost/asio/steady_timer.hpp>'},
    'too much Asio': {'include/parley/error.hpp': '#include <boost/asio/steady_timer.hpp>'},
    'too much Asio at one remove':
        {'include/parley/error.hpp': '#include <parley/detail/strand.hpp>'},
    'unknown file': {'lib/core/url.hpp': '#include "url_parts.hpp"'},
    'unknown folder': {'lib/new/thing.hpp': ''},
    'a stale permission': {'lib/wire/reader.cpp': None},
}


def self_test():
    def check(files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                if text is not None:
                    path = Path(folder) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
            return Tree(folder, SELF_TEST_RULES).check()

    wrong = [f'a false alarm: {finding}' for finding in check(SELF_TEST_GOOD)]
    wrong += [f'not caught: {what}' for what, change in SELF_TEST_BAD.items()
              if not check(SELF_TEST_GOOD | change)]
    if wrong:
        print('the self-test failed', *wrong, sep='\n')
        sys.exit(1)


def main():
    self_test()
    rules = json.loads((Path(__file__).parent / 'floors.json').read_text())
    finish(Tree(sys.argv[1], rules).check(), 'includes against the floors')


if __name__ == '__main__':
    main()
