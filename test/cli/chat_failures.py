"""How parley-chat ends when something goes wrong."""

import json
import time

from fake_server import FakeServer
from harness import QUESTION, Server, PATIENCE, answering, chat, contains, end, equal, start, test


@test
def no_ticket_is_3_within_the_deadline():
    began = time.monotonic()
    run = chat('ws://127.0.0.1:1', 'hi', status=3)
    equal(time.monotonic() - began < 35, True, 'the deadline')
    equal(run.out, '')
    contains(run.err, 'parley-chat: ')
    contains(run.err, '127.0.0.1:1')
    run = chat('--json', '--connect-timeout', '1', 'ws://127.0.0.1:1', 'hi', status=3)
    error = run.only('error')[0]
    equal((run.names(), error['type']), (['error'], 'TICKET_ERROR'))


@test
def an_unknown_host_is_3():
    run = chat('--json', '--connect-timeout', '3', 'wss://no-such-host.invalid', 'hi', status=3)
    contains(run.only('error')[0]['message'], 'no-such-host.invalid')


@test
def a_ticket_that_is_refused_is_3_or_4():
    for status, wanted in [(404, 3), (401, 4), (403, 4)]:
        with FakeServer(ticket=lambda _, status=status: (status, {'error': 'no'})) as server:
            run = chat('--json', server.url, 'hi', status=wanted)
            equal(run.only('error')[0]['details']['httpStatus'], status)


@test
def a_session_that_is_refused_is_4():
    def session(websocket):
        websocket.send({'type': 'authentication_error', 'error': 'no', 'code': 'USER_BLOCKED'})
        websocket.close(4401)

    with FakeServer(session) as server:
        run = chat('--json', server.url, 'hi', status=4)
    error = run.only('error')[0]
    equal((error['type'], error['code']), ('AUTHENTICATION_ERROR', 'session_refused'))


@test
def a_session_that_is_not_established_is_5():
    with FakeServer(lambda websocket: websocket.close(1011)) as server:
        run = chat('--json', server.url, 'hi', status=5)
    equal((run.names(), run.only('error')[0]['type']), (['error'], 'CONNECTION_ERROR'))
    with FakeServer(lambda websocket: websocket.expect('never')) as server:
        began = time.monotonic()
        chat('--connect-timeout', '1', server.url, 'hi', status=5)
        equal(time.monotonic() - began < 20, True, 'the deadline')


@test
def a_failed_answer_is_7_and_the_other_messages_are_not_sent():
    got = []

    def session(websocket):
        websocket.open()
        while True:
            got.append(websocket.expect('chat_message')['content'])
            websocket.say('half')
            websocket.send({'type': 'chat_error', 'error': 'too much', 'data': {'errorCode': 'E'}})

    with FakeServer(session) as server:
        run = chat('--json', server.url, 'a', 'b', status=7)
        equal(run.only('chat_error'), [{'event': 'chat_error', 'error': 'too much', 'code': 'E'}])
        run = chat(server.url, stdin='c\nd\n', status=7)
        equal(run.out, 'half\n')
        contains(run.err, 'too much')
    equal(got, ['a', 'c'])


@test
def a_silent_answer_is_5():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.say('one')
        websocket.expect('never')

    with FakeServer(session) as server:
        run = chat('--json', '--answer-timeout', '0.3', server.url, 'hi', status=5)
    equal(run.only('error')[0]['code'], 'answer_timeout')
    equal(run.text(), 'one')


@test
def a_tool_of_ours_is_no_silence_of_the_answer():
    with Server() as server:
        chat('--answer-timeout', '0.5', '--tool', 'weather=sleep 1; echo sunny', server.url,
             QUESTION, status=0)


@test
def a_close_with_1000_is_5_while_an_answer_is_awaited():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.close(1000)

    with FakeServer(session) as server:
        run = chat('--json', server.url, 'hi', status=5)
    lost = run.only('connection_lost')
    equal(lost, [{'event': 'connection_lost', 'reason': 'closed', 'code': 1000,
                  'willReconnect': False, 'unconfirmed': 1}])
    names = run.names()
    equal(names.index('connection_lost') < names.index('connection_failed'), True, names)


@test
def a_connection_that_ends_between_two_messages_is_5():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.finish()
        websocket.close(1000)

    with FakeServer(session) as server:
        process = start('--json', server.url)
        process.stdin.write(b'one\n')
        process.stdin.flush()
        equal(process.wait(PATIENCE), 5)  # though its input goes on
        run = end(process, 5)
    contains(run.names(), 'finished')
    contains(run.names(), 'connection_failed')


@test
def no_reconnect_makes_the_first_loss_final():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.reset()

    with FakeServer(session) as server:
        run = chat('--json', '--no-reconnect', server.url, 'hi', status=5)
    equal(run.only('connection_lost')[0]['willReconnect'], False)
    equal('reconnecting' in run.names(), False)
    contains(run.names(), 'connection_failed')


@test
def reconnecting_gives_up_after_the_attempts_that_were_allowed():
    holder = []

    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.finish()
        holder[0].refuse()
        websocket.reset()

    with FakeServer(session) as server:
        holder.append(server)
        process = start('--json', '--max-reconnect-attempts', '2', server.url)
        process.stdin.write(b'hi\n')
        process.stdin.flush()
        equal(process.wait(PATIENCE), 5)  # though its input goes on
        run = end(process, 5)
    equal([event['attempt'] for event in run.only('reconnecting')], [1, 2])
    failed = run.only('connection_failed')[0]
    equal((failed['type'], failed['code']), ('CONNECTION_ERROR', 'reconnect_exhausted'))


@test
def an_answer_that_was_lost_with_the_connection_is_5():
    sessions = []

    def session(websocket):
        sessions.append(websocket)
        websocket.open()
        if len(sessions) == 1:
            websocket.expect('chat_message')
            websocket.reset()
        websocket.expect('never')

    with FakeServer(session) as server:
        run = chat('--json', server.url, 'hi', status=5)
    equal(run.only('connection_lost')[0]['unconfirmed'], 1)
    equal(run.only('error')[0]['code'], 'sent_unconfirmed')


@test
def a_server_that_dies_in_an_answer_ends_every_way_of_asking():
    # Not after a reconnect: there may never be one.
    def serve(arguments, stdin):
        holder = []

        def session(websocket):
            websocket.open()
            websocket.expect('chat_message')
            websocket.say('half')
            holder[0].refuse()
            websocket.reset()

        with FakeServer(session) as server:
            holder.append(server)
            return chat(server.url, *arguments, stdin=stdin, status=5)

    for arguments, stdin in [(['hi'], ''), (['hi', 'and this'], ''), ([], 'hi\nand this\n')]:
        run = serve(arguments, stdin)
        equal(run.out, 'half\n')
        contains(run.err, 'The server may have processed your message')
        run = serve([*arguments, '--json'], stdin)
        equal(run.only('error')[0]['code'], 'sent_unconfirmed')


@test
def a_server_that_is_not_up_yet_can_be_waited_for():
    run = chat('--connect-timeout', '1s', 'ws://127.0.0.1:1', 'hi', status=3)
    contains(run.err, '--retry-first')
    sessions = []

    def session(websocket):
        sessions.append(websocket)
        if len(sessions) < 3:
            websocket.close(1013)  # try again later
        else:
            answering()(websocket)

    with FakeServer(session) as server:
        chat('--retry-first', server.url, 'hi', status=0)
        equal(len(sessions), 3)
        sessions.clear()
        contains(chat(server.url, 'hi', status=5).err, '--retry-first')


@test
def a_connection_that_comes_back_carries_the_next_message():
    sessions = []

    def session(websocket):
        sessions.append(websocket)
        websocket.open()
        websocket.expect('chat_message')
        websocket.finish()
        if len(sessions) == 1:
            websocket.reset()
        else:
            websocket.expect('never')

    with FakeServer(session) as server:
        process = start('--json', server.url)
        for wanted in ['finished', 'connection_restored']:
            if wanted == 'finished':
                process.stdin.write(b'one\n')
                process.stdin.flush()
            while json.loads(process.stdout.readline())['event'] != wanted:
                pass
        process.stdin.write(b'two\n')
        run = end(process, 0)
    contains(run.names(), 'finished')
