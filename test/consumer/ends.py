"""Runs a program against a server that fails, and checks that it ends and says why.

ends.py PROGRAM WORD...: it fails with status 1, and says each of the words on standard error.
"""

import subprocess
import sys

program, *words = sys.argv[1:]
try:
    ran = subprocess.run([program], capture_output=True, text=True, timeout=50, check=False)
except subprocess.TimeoutExpired:
    sys.exit('it does not end')
print(ran.stdout, ran.stderr)
if ran.returncode != 1:
    sys.exit(f'it ends with {ran.returncode}')
missing = [word for word in words if word not in ran.stderr]
if missing:
    sys.exit(f'it does not say {", ".join(missing)}')
