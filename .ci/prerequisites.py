"""Prints the ninja targets that suites run: meson introspect B --tests | prerequisites.py B SUITE..."""

import json
import os
import sys

directory, wanted = os.path.realpath(sys.argv[1]), set(sys.argv[2:])
with open(os.path.join(directory, 'meson-info', 'intro-targets.json')) as known:
    built = {os.path.realpath(name) for target in json.load(known) for name in target['filename']}
targets = set()
for test in json.load(sys.stdin):
    if wanted & {suite.rpartition(':')[2] for suite in test['suite']}:
        paths = (os.path.realpath(os.path.join(directory, word)) for word in test['cmd'])
        targets.update(os.path.relpath(path, directory) for path in paths if path in built)
print('\n'.join(sorted(targets)))
