"""Runs a snippet of the documentation against a server that works and against servers that fail.

run_snippet.py PROGRAM: it ends with status 0; with each fault it ends too, with 0 or 1, and if with 1 it says why.
"""

import os
import subprocess
import sys

FAULTS = ('', 'refuse', 'fail', 'drop first', 'drop second')


def run(program, fault):
    try:
        ran = subprocess.run([program], capture_output=True, text=True, timeout=50, check=False,
                             env=os.environ | {'SNIPPET_FAULT': fault})
    except subprocess.TimeoutExpired:
        return 'it does not end'
    print(f'--- {fault or "no fault"}: {ran.returncode}\n{ran.stdout}{ran.stderr}', flush=True)
    if ran.returncode not in ((0, 1) if fault else (0,)):
        return f'it ends with {ran.returncode}'
    return 'it does not say why' if ran.returncode == 1 and not ran.stderr.strip() else None


failures = [f'{fault or "no fault"}: {wrong}' for fault in FAULTS if (wrong := run(sys.argv[1], fault))]
sys.exit('\n'.join(failures) or 0)
