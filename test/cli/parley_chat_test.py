"""What parley-chat promises to scripts and to people.

    parley_chat_test.py PARLEY_CHAT PARLEY_SERVER [PART_OF_A_TEST'S_NAME...]

Runs the built programs. The last line is `N passed, N failed, N skipped`.
"""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True  # the source tree stays as it is

# Each registers its tests. The first has the one that takes half a minute.
import chat_command_line  # noqa: F401
import chat_conversation  # noqa: F401
import chat_failures  # noqa: F401
import chat_signals  # noqa: F401
import chat_terminal  # noqa: F401
from harness import TESTS, attempt


def main():
    parts = sys.argv[3:]
    wanted = [function for function in TESTS
              if not parts or any(part in function.__name__ for part in parts)]
    counts = Counter()
    with ThreadPoolExecutor(max_workers=4) as pool:
        for verdict, line in pool.map(attempt, wanted):
            print(line, flush=True)
            counts[verdict] += 1
    print(', '.join(f'{counts[verdict]} {verdict}' for verdict in ['passed', 'failed', 'skipped']))
    sys.exit(1 if counts['failed'] or not wanted else 0)


if __name__ == '__main__':
    main()
