"""What parley-chat promises to scripts and to people.

    parley_chat_test.py PARLEY_CHAT PARLEY_SERVER [PART_OF_A_TEST'S_NAME...]

Runs the built programs. The last line is `N passed, N failed, N skipped`.
"""

import sys
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
    failed = 0
    with ThreadPoolExecutor(max_workers=4) as pool:
        for function, complaint in zip(wanted, pool.map(attempt, wanted)):
            print(complaint or f'ok   {function.__name__}', flush=True)
            failed += bool(complaint)
    print(f'{len(wanted) - failed} passed, {failed} failed, 0 skipped')
    sys.exit(1 if failed or not wanted else 0)


if __name__ == '__main__':
    main()
