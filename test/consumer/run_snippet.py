"""Runs a program of example/ or of the documentation against a server that works and against servers that fail.

run_snippet.py PROGRAM [FAULT=WORD...] ['no address']

It ends with status 0. With each fault it ends too, with 0 or 1, and if with 1 it says why; with those that are named,
with 1 and that word. Unless it takes no address, it ends with 1 for one at which nothing listens.
"""

import os
import socket
import subprocess
import sys

FAULTS = ('', 'refuse', 'fail', 'cut', 'drop first', 'drop second')


def run(command, fault='', words=(), statuses=(0, 1)):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False,
                             env=os.environ | {'SNIPPET_FAULT': fault})
    except subprocess.TimeoutExpired:
        return 'it does not end'
    print(f'--- {fault or "no fault"} {command[1:]}: {ran.returncode}\n{ran.stdout}{ran.stderr}', flush=True)
    if ran.returncode not in statuses:
        return f'it ends with {ran.returncode}'
    if ran.returncode == 1 and not ran.stderr.strip():
        return 'it does not say why'
    return ', '.join(f'it does not say {word}' for word in words if word not in ran.stderr) or None


def failures(program, options):
    words = {fault: [each.partition('=')[2] for each in options if each.partition('=')[0] == fault] for fault in FAULTS}
    for fault in FAULTS:
        statuses = (0,) if not fault else (1,) if words[fault] else (0, 1)
        yield fault or 'no fault', run([program], fault, words[fault], statuses)
    if 'no address' not in options:
        with socket.socket() as taken:  # bound, and not listening
            taken.bind(('127.0.0.1', 0))
            yield 'a refused address', run([program, f'ws://127.0.0.1:{taken.getsockname()[1]}'],
                                           words=['refused'], statuses=(1,))


found = [f'{name}: {wrong}' for name, wrong in failures(sys.argv[1], sys.argv[2:]) if wrong]
sys.exit('\n'.join(found) or 0)
