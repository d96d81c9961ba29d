"""Signals, streams that close, and secrets."""

import json
import signal
import tempfile
import threading
import time
from pathlib import Path

from fake_server import FakeServer
from harness import (
    QUESTION, Server, PATIENCE, answering, chat, end, environment, equal, is_running, start,
    test)


def signalled(number, status):
    closed = threading.Event()

    def session(websocket):
        try:
            answering()(websocket)
        finally:
            closed.set()

    with FakeServer(session) as server:
        process = start('--json', server.url)
        equal(json.loads(process.stdout.readline())['event'], 'session_ready')
        process.send_signal(number)
        run = end(process, status)
        equal(run.err, '')
        equal(run.out, '')
        equal(closed.wait(PATIENCE), True, 'the close')
        equal(server.errors, [])


@test
def a_signal_ends_it_after_a_clean_close():
    signalled(signal.SIGINT, 130)
    signalled(signal.SIGTERM, 143)


@test
def a_signal_ends_it_while_it_connects():
    with FakeServer(lambda websocket: websocket.expect('never')) as server:
        for number, status in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            before = len(server.requests)
            process = start('--json', server.url, 'hi')
            while len(server.requests) < before + 2:  # the ticket, and the WebSocket
                time.sleep(0.01)
            process.send_signal(number)
            equal(end(process, status).out, '')


@test
def a_signal_ends_a_tool_with_it():
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        file = Path(folder) / 'pid'
        process = start('--json', '--tool', f'weather=echo $$ >{file}; sleep 1000', server.url,
                        QUESTION)
        while json.loads(process.stdout.readline())['event'] != 'tool_call':
            pass
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        end(process, 143)
        equal(is_running(int(file.read_text())), False, 'the tool')


@test
def a_reader_that_goes_away_ends_it_quietly():
    with Server() as server:
        process = start('--json', server.url)
        process.stdout.close()
        process.stdin.write(b'hi\n')
        process.stdin.flush()
        equal(process.wait(PATIENCE), 1)
        equal(process.stderr.read(), b'')
        process.stdin.close()
        process.stderr.close()


@test
def secrets_are_used_and_never_shown():
    with FakeServer(answering()) as server:
        for arguments, env in [
                (['--token', 'hush-token', '--server-key', 'hush-key'], environment()),
                ([], environment(PARLEY_TOKEN='hush-token', PARLEY_SERVER_KEY='hush-key'))]:
            for json_flag in [[], ['--json']]:
                run = chat('-v', *json_flag, *arguments, server.url, 'hi', status=0, env=env)
                equal('hush' in run.out + run.err, False, run)
                equal('a/ticket' in run.out + run.err, False, run)
                equal('a%2Fticket' in run.out + run.err, False, run)
        headers = server.requests[0][2]
        equal((headers['x-oddle-mp-auth-token'], headers['x-oddle-chat-server-key']),
              ('hush-token', 'hush-key'))
    with FakeServer(ticket=lambda _: (403, {'error': 'hush-token is wrong'})) as server:
        run = chat('-v', '--json', '--token', 'hush-token', server.url, 'hi', status=4)
        equal('hush-token' in run.out + run.err, False, run)


@test
def a_secret_in_a_wrong_place_is_not_shown_either():
    for arguments in [['ws://someone:hush@127.0.0.1', 'hi'], ['--tokn=hush', 'ws://127.0.0.1:1'],
                      ['--proxy', 'ftp://someone:hush@nowhere', 'ws://127.0.0.1:1', 'hi']]:
        for json_flag in [[], ['--json']]:
            run = chat('-v', *json_flag, *arguments, status=2)
            equal('hush' in run.out + run.err, False, run)


@test
def who_asks_is_said_to_the_server():
    got = []

    def session(websocket):
        websocket.open()
        got.append(websocket.expect('chat_message'))
        websocket.finish()

    with FakeServer(session) as server:
        chat('--user-id', 'u', '--entity-id', 'e', '--entity-type', 't', '--provider-res-id', 'p',
             server.url, 'hi', status=0)
        body = json.loads(server.requests[0][3])
    equal([body[name] for name in ['userId', 'entityId', 'entityType', 'providerResId']],
          ['u', 'e', 't', 'p'])
    equal(got[0]['providerResId'], 'p')
