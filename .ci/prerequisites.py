"""Prints the ninja targets that suites run: meson introspect B --tests | prerequisites.py B SUITE..."""

import json
import os
import sys

directory, wanted = os.path.realpath(sys.argv[1]), set(sys.argv[2:])
targets = set()
for test in json.load(sys.stdin):
    if wanted & {suite.rpartition(':')[2] for suite in test['suite']}:
        for word in test['cmd']:
            path = os.path.realpath(os.path.join(directory, word))
            if path.startswith(directory + os.sep):
                targets.add(os.path.relpath(path, directory))
print('\n'.join(sorted(targets)))
