"""The command line of parley-chat, and what is wrong with it."""

import subprocess
import tempfile
import time
from pathlib import Path

from harness import (PATIENCE, QUESTION, SERVER, Server, chat, contains, environment, equal,
                     is_running, test)


@test
def a_tool_that_takes_too_long_is_killed_and_told_so():
    # First, since it takes the half minute that a tool has.
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        file = Path(folder) / 'pid'
        run = chat('--json', '--tool', f'weather=sleep 1000 & echo $! >{file}; wait',
                   server.url, QUESTION, status=0)
        equal(run.only('tool_result')[0]['error'], 'Tool timed out: weather')
        deadline = time.monotonic() + PATIENCE
        while is_running(int(file.read_text())):
            if time.monotonic() > deadline:
                raise AssertionError('the grandchild still runs')
            time.sleep(0.02)


@test
def help_and_version_are_no_errors():
    run = chat('--help', status=0, env=environment(PARLEY_TOKEN='hush-hush'))
    for option in ['--demo', '--token', '--server-key', '--user-id', '--entity-id',
                   '--entity-type', '--provider-res-id', '--tool', '--tool-schema', '--json',
                   '--ca', '--allow-plaintext', '--proxy', '--no-reconnect',
                   '--max-reconnect-attempts', '--retry-first', '--connect-timeout',
                   '--answer-timeout', '1m30s']:
        contains(run.out, option)
    if 'hush' in run.out + run.err:
        raise AssertionError('the help shows a secret')
    contains(chat('--version', status=0).out, 'parley-chat ')


@test
def a_wrong_command_line_is_2():
    with tempfile.TemporaryDirectory() as folder:
        missing = str(Path(folder) / 'missing')
        for arguments in [[], ['--no-such-option', 'ws://127.0.0.1:1'],
                          ['ftp://127.0.0.1', 'x'], ['no URL at all', 'x'],
                          ['ws://user:word@127.0.0.1', 'x'], ['ws://example.invalid', 'x'],
                          ['ws://127.0.0.1:1', 'x', '--ca', missing],
                          ['ws://127.0.0.1:1', 'x', '--connect-timeout', '0'],
                          ['ws://127.0.0.1:1', 'x', '--tool', 'a'],
                          ['ws://127.0.0.1:1', 'x', '--tool-schema', 'a=b'],
                          ['ws://127.0.0.1:1', 'x', '--proxy', 'ftp://nowhere'],
                          ['ws://127.0.0.1:1', 'x', '--tool', 'a=b', '--tool-schema',
                           f'a={missing}']]:
            run = chat(*arguments, status=2)
            equal(run.out, '', arguments)
            contains(run.err, 'parley-chat: ')
            run = chat('--json', *arguments, status=2)
            equal(run.names(), ['error'], arguments)


@test
def a_time_is_written_as_people_write_it():
    for text in ['90s', '1m30s', '1500ms', '2h', '30']:
        chat('--connect-timeout', text, '--answer-timeout', text, '--demo', 'hi', status=0)
    for text in ['soon', '1 s', '-1s', '0s', '1s1m']:
        contains(chat(f'--connect-timeout={text}', '--demo', 'hi', status=2).err, '1m30s')
    with Server('--ticket-ttl', '1m30s') as server:
        run = chat('--json', server.url, 'hi', status=0)
        equal(run.only('ticket_renewed'), [])
    run = subprocess.run([SERVER, '--ticket-ttl', 'soon'], capture_output=True, timeout=PATIENCE)
    equal(run.returncode, 2)


@test
def a_file_that_cannot_be_read_is_2():
    for file in ['/', '/dev/null', SERVER]:  # a directory, no certificate, and something else
        run = chat('--json', '--ca', file, 'wss://127.0.0.1:1', 'x', status=2)
        equal(run.only('error')[0]['type'], 'CLIENT_ERROR')


@test
def plain_text_to_other_machines_is_refused_unless_allowed():
    run = chat('--json', 'ws://192.0.2.1', 'x', status=2)
    equal(run.only('error')[0]['code'], 'plaintext_refused')
    contains(chat('ws://192.0.2.1', 'x', status=2).err, '--allow-plaintext')
    run = chat('--json', '--allow-plaintext', '--connect-timeout', '500ms', 'ws://192.0.2.1', 'x')
    equal(run.status in (3, 5), True, run)


@test
def wrong_tools_are_6():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'schema.json'
        for text in ['not JSON', '"a string"', '1', '']:
            file.write_text(text)
            run = chat('--json', '--tool', 'a=true', '--tool-schema', f'a={file}',
                       'ws://127.0.0.1:1', 'x', status=6)
            error = run.only('error')[0]
            equal((error['type'], error['code']),
                  ('TOOL_CONFIGURATION_ERROR', 'tool_schema_invalid'))
    run = chat('--json', '--tool', 'a=true', '--tool', 'a=false', 'ws://127.0.0.1:1', 'x',
               status=6)
    equal(run.only('error')[0]['code'], 'tool_duplicate')
