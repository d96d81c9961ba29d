"""The same seed gives the same trace, byte for byte: same_trace.py SIMULATION"""

import subprocess
import sys


def trace(program, first):
    command = [program, '--seeds', '8', '--from', str(first), '--trace', '--partial']
    return subprocess.run(command, capture_output=True, check=False).stdout


def main():
    program = sys.argv[1]
    first, again, others = trace(program, 1), trace(program, 1), trace(program, 100)
    if len(first) < 100_000:
        sys.exit(f'a trace of {len(first)} bytes is none')
    if first != again:
        at = next((i for i, pair in enumerate(zip(first, again)) if pair[0] != pair[1]), -1)
        line = first.count(b'\n', 0, at) + 1
        sys.exit(f'two runs of the same seeds differ from line {line} on')
    if first == others:
        sys.exit('other seeds give the same trace')
    print(f'{len(first)} bytes, twice the same')


if __name__ == '__main__':
    main()
