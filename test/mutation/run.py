#!/usr/bin/env python3
"""Breaks the library on purpose, defect by defect, and says which test notices.

    python3 test/mutation/run.py [--seeds N] [--scratch DIRECTORY] [--all] [--trust] [NAME...]

Each test/mutation/*.patch is applied in turn to a copy of the tree, which is then built again and
tested. The test that README.md names for the defect runs first. When it passes, the suites follow: unit
tests, component tests, N seeds of the simulation (200), tests over real sockets, dials to which
everything in turn fails, allocations that fail, and the tests of parley-chat. The first failure ends the
trial; with --all every suite runs, in this order.
A defect that no test notices is a missing test, and the exit status is 1. A trial takes about half a
minute, and ccache. With names only those defects are tried.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {'unit': 'test/unit_tests', 'component': 'test/component_tests', 'simulation': 'test/simulation',
           'loopback': 'test/loopback_tests', 'torture': 'test/dial_fault_tests',
           'memory': 'test/torture_tests', 'chat': 'test/parley_chat_tests'}
BUILD = 'build/debug'
RULE = '-' * 79
PATIENCE = 300  # seconds; a defect may be that something never ends


def call(command, cwd, timeout=None):
    """The exit status, or None after `timeout`, and everything that was printed."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors='replace')
    try:
        text, _ = process.communicate(timeout=timeout)
        return process.returncode, text
    except subprocess.TimeoutExpired:
        process.kill()
        text, _ = process.communicate()
        return None, text


def copy_of_tree(to):
    # With what is not committed yet, and without what is ignored.
    listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    for name in listed:
        source, target = ROOT / name, to / name
        if not source.is_file() or source.is_symlink():
            continue
        text = source.read_bytes()
        if target.is_file() and target.read_bytes() == text:
            continue  # its time stays, and what was built of it
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def configure(tree):
    # File by file: of a defect's build ccache then has all but one. Without debug information, which
    # is half of the time of a link.
    environment = dict(os.environ, CXX=os.environ.get('CXX', 'ccache g++'))
    if not (tree / BUILD / 'build.ninja').exists():
        subprocess.run(['meson', 'setup', BUILD, '--buildtype=plain', '-Dwerror=true', '-Dtests=enabled',
                        '-Dexamples=enabled'], cwd=tree, env=environment, check=True, stdout=subprocess.DEVNULL)


def build(tree, suite):
    return call(['ninja', '-C', BUILD, TARGETS[suite]], tree)


def first_failure(suite, text):
    """The name of the test case, as Catch2's console reporter frames it, or the seed."""
    if suite == 'simulation':
        found = re.search(r'^seed (\d+) failed: (.*)$', text, re.M)
        return f'seed {found[1]}: {found[2][:110]}' if found else 'it ended early'
    parts = text.split(RULE + '\n')
    if len(parts) < 2:
        return 'it ended early'
    return ' '.join(line.strip() for line in parts[1].splitlines() if line.strip())


def named_tests():
    """Defect to (suite, words): the test that README.md names."""
    rows = re.findall(r'^\| (\S+) \| (\w+): (.*) \|$', (ROOT / 'test/mutation/README.md').read_text(), re.M)
    return {name: (suite, words) for name, suite, words in rows if suite in TARGETS}


def filter_of(program, words):
    """Catch2's filter for the test case whose name the words begin with; a section's may follow."""
    _, text = call([program, '--list-test-names-only'], None)
    names = [line.strip() for line in text.splitlines() if line.strip() and words.startswith(line.strip())]
    return [re.sub(r'([\\,\[*"])', r'\\\1', max(names, key=len))] if names else []


def ask(tree, suite, seeds, words=None):
    """What the suite found, or None. With `words` only the test case that they name runs."""
    status, text = build(tree, suite)
    if status != 0:
        return f'the compiler: {text[-400:]}'
    command = [str(tree / BUILD / TARGETS[suite])]
    if suite == 'simulation':
        command += ['--seeds', str(seeds), '--from', '1', '--partial', '--jobs', '2', '--first']
    else:
        only = filter_of(command[0], words) if words else []
        if words and not only:
            return None
        command += ['--abort'] + only
    status, text = call(command, tree, PATIENCE)
    if status == 0:
        return None
    name = first_failure(suite, text)
    return f'{name} (it never ended)' if status is None else f'{name} (signal {-status})' if status < 0 else name


def caught_by(tree, options, named=None):
    if named and not options.all and (what := ask(tree, named[0], options.seeds, named[1])) is not None:
        return [f'{named[0]}: {what}']
    found = []
    for suite in TARGETS:
        if (what := ask(tree, suite, options.seeds)) is not None:
            found.append(f'{suite}: {what}')
            if not options.all:
                break
    return found


def try_patch(tree, patch, options):
    began = time.monotonic()
    applied, text = call(['patch', '-p1', '--no-backup-if-mismatch', '-i', str(patch)], tree)
    if applied != 0:
        sys.exit(f'{patch.name} does not apply:\n{text}')
    try:
        found = caught_by(tree, options, named_tests().get(patch.stem))
    finally:
        call(['patch', '-R', '-p1', '--no-backup-if-mismatch', '-i', str(patch)], tree)
    print(f'{patch.stem:<36} {time.monotonic() - began:4.0f} s  {"; ".join(found) or "SURVIVES"}', flush=True)
    # A defect that does not compile proves nothing.
    return bool(found) and not re.match(r'\w+: the compiler', found[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seeds', type=int, default=200)
    parser.add_argument('--scratch', type=lambda name: Path(name).resolve(), default=None)
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--trust', action='store_true', help='does not test the tree as it is')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    here = ROOT / 'test' / 'mutation'
    patches = [here / f'{name}.patch' for name in options.names] or sorted(here.glob('*.patch'))
    with tempfile.TemporaryDirectory() as temporary:
        tree = options.scratch or Path(temporary)
        tree.mkdir(parents=True, exist_ok=True)
        copy_of_tree(tree)
        configure(tree)
        if not options.trust and (found := caught_by(tree, argparse.Namespace(seeds=options.seeds, all=True))):
            sys.exit('the tree is broken before anything was done to it: ' + '; '.join(found))
        survivors = [patch.stem for patch in patches if not try_patch(tree, patch, options)]
    print(f'{len(patches) - len(survivors)} of {len(patches)} defects were caught')
    sys.exit(1 if survivors else 0)


if __name__ == '__main__':
    main()
