"""Runs clang-format over every file; skipped (77) where version 19 is not installed."""

import shutil
import subprocess
import sys
from pathlib import Path

from source import cpp_files, finish

TOOLS = ['clang-format-19', 'clang-format']


def find_tool():
    for name in TOOLS:
        path = shutil.which(name)
        if path and ' 19.' in subprocess.run([path, '--version'], capture_output=True,
                                             text=True, check=False).stdout:
            return path
    return None


def clean(tool, root, text):
    """Whether clang-format would leave this text as it is."""
    command = [tool, '--dry-run', '--Werror', f'--assume-filename={root}/lib/self_test.cpp']
    return subprocess.run(command, input=text, capture_output=True, text=True,
                          check=False).returncode == 0


def main():
    root = Path(sys.argv[1])
    tool = find_tool()
    if tool is None:
        print('clang-format 19 is not installed')
        sys.exit(77)
    if not clean(tool, root, 'int f(int* x) { return *x; }\n') or clean(tool, root, 'int  f( );\n'):
        print('the self-test failed: clang-format does not tell good from bad')
        sys.exit(1)
    paths = [str(path) for path in cpp_files(root, 'include', 'lib', 'test', 'example', 'bench', 'doc')]
    run = subprocess.run([tool, '--dry-run', '--Werror', *paths], capture_output=True, text=True,
                         check=False)
    findings = [line for line in run.stderr.splitlines() if ' error: ' in line]
    if run.returncode != 0 and not findings:
        findings = [run.stderr or f'clang-format ended with {run.returncode}']
    finish(findings, 'files that clang-format would change')


if __name__ == '__main__':
    main()
