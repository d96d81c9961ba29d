"""parley-chat and a person at a terminal."""

import threading

from fake_server import FakeServer
from harness import QUESTION, Server, Terminal, WEATHER, PATIENCE, answering, contains, equal, test


@test
def the_server_cannot_write_to_the_terminal_what_it_likes():
    with FakeServer(answering('\033]0;title\007\033[2Jtext')) as server:
        with Terminal(server.url, 'hi') as terminal:
            shown = terminal.until_the_end(0)
    contains(shown, 'text')
    equal('\033[2J' in shown or '\033]0' in shown, False, shown)


@test
def a_person_talks_asks_for_the_state_and_quits():
    with Server() as server, Terminal('--tool', WEATHER, server.url) as terminal:
        terminal.expect('session ready')
        terminal.expect('> ')
        terminal.type(QUESTION + '\n')
        terminal.expect('tool weather')
        terminal.expect('sunny')
        terminal.expect('> ')
        terminal.type('/status\n')
        terminal.expect('ready')
        terminal.type('/reconnect\n')
        terminal.expect('connected again')
        terminal.type('/nonsense\n')
        terminal.expect('unknown command')
        terminal.type('/quit\n')
        terminal.until_the_end(0)


@test
def the_end_of_the_input_ends_it():
    with Server() as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('\x04')
        terminal.until_the_end(0)


@test
def control_c_once_stops_the_answer_and_twice_quits():
    stopped = threading.Event()

    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.say('and so on')
        websocket.expect('stop_run')
        stopped.set()
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('talk\n')
        terminal.expect('and so on')
        terminal.type('\x03')
        equal(stopped.wait(PATIENCE), True, 'stop_run')
        terminal.expect('> ')
        terminal.type('\x03')
        terminal.until_the_end(130)


@test
def stop_ends_an_answer():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.say('and so on')
        websocket.expect('stop_run')
        websocket.say(' and that was it')
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('talk\n')
        terminal.expect('and so on')
        terminal.type('/stop\n')
        terminal.expect('that was it')
        terminal.expect('> ')
        terminal.type('\x03')
        terminal.expect('again quits')
        terminal.type('\x03')
        terminal.until_the_end(130)


@test
def what_is_being_typed_survives_a_note():
    got = []
    sessions = []

    def session(websocket):
        sessions.append(websocket)
        websocket.open()
        got.append(websocket.expect('chat_message')['content'])
        websocket.say('good')
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('hel')
        terminal.expect('hel')
        sessions[0].reset()
        terminal.expect('connected again')
        terminal.expect('> \033[0mhel')
        terminal.type('lo\n')
        terminal.expect('good')
        terminal.type('/quit\n')
        terminal.until_the_end(0)
    equal(got, ['hello'])


@test
def a_failed_answer_does_not_end_a_conversation():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.send({'type': 'chat_error', 'error': 'too much'})
        answering_on(websocket)

    def answering_on(websocket):
        while True:
            websocket.expect('chat_message')
            websocket.say('better now')
            websocket.finish()

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('one\n')
        terminal.expect('too much')
        terminal.type('two\n')
        terminal.expect('better now')
        terminal.type('/quit\n')
        terminal.until_the_end(0)


@test
def a_connection_that_ends_for_good_ends_a_conversation():
    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        websocket.finish()
        websocket.close(1000)

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.expect('> ')
        terminal.type('one\n')
        terminal.until_the_end(5)


@test
def the_demonstration_goes_on_with_the_person():
    with Terminal('--demo') as terminal:
        terminal.expect('connected again')
        terminal.expect('Your turn')
        terminal.expect('> ')
        terminal.type('hello you\n')
        terminal.expect('You said: hello you')
        terminal.type('/quit\n')
        terminal.until_the_end(0)
