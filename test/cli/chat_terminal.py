"""parley-chat and a person at a terminal."""

import tempfile
import termios
import threading
import time
from pathlib import Path

from fake_server import FakeServer
from harness import (
    QUESTION, Server, Skipped, Terminal, WEATHER, PATIENCE, answering, contains, equal, is_running,
    test)


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
        terminal.prompt()
        terminal.type(QUESTION + '\n')
        terminal.expect('tool weather')
        terminal.expect('sunny')
        terminal.prompt()
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
        terminal.prompt()
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
        terminal.prompt()
        terminal.type('talk\n')
        terminal.expect('and so on')
        terminal.type('\x03')
        equal(stopped.wait(PATIENCE), True, 'stop_run')
        terminal.prompt()
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
        terminal.prompt()
        terminal.type('talk\n')
        terminal.expect('and so on')
        terminal.type('/stop\n')
        terminal.expect('that was it')
        terminal.prompt()
        terminal.type('\x03')
        terminal.expect('again quits')
        terminal.type('\x03')
        terminal.until_the_end(130)


@test
def control_c_ends_the_command_that_a_tool_runs():
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        file = Path(folder) / 'pid'
        command = f'weather=echo $$ >{file}; sleep 1000'
        with Terminal('--tool', command, server.url) as terminal:
            for how in ['\x03', '/stop\n']:
                terminal.prompt()
                terminal.type(QUESTION + '\n')
                terminal.expect('tool weather')
                while not file.exists() or not file.read_text().strip():
                    time.sleep(0.01)
                terminal.type(how)
                terminal.expect('stopped by the user')
                equal(is_running(int(file.read_text())), False, 'the tool')
                file.unlink()
            terminal.prompt()
            terminal.type('hello\n')
            terminal.expect('You said: hello')
            terminal.prompt()
            terminal.type('/quit\n')
            terminal.until_the_end(0)


@test
def an_answer_that_is_lost_is_told_before_the_connection_is_back():
    sessions = []

    def session(websocket):
        sessions.append(websocket)
        websocket.open()
        websocket.expect('chat_message')
        if len(sessions) == 1:
            websocket.say('half')
            websocket.reset()
        websocket.say('whole')
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.prompt()
        terminal.type('one\n')
        terminal.expect('connection lost')
        terminal.expect('The server may have processed your message')
        terminal.expect('connected again')
        terminal.prompt()
        terminal.type('two\n')
        terminal.expect('whole')
        terminal.type('/quit\n')
        terminal.until_the_end(0)


@test
def a_message_without_a_connection_waits_and_can_be_withdrawn():
    holder = []
    got = []

    def session(websocket):
        websocket.open()
        got.append(websocket.expect('chat_message')['content'])
        websocket.finish()
        holder[0].refuse()
        websocket.reset()

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        holder.append(server)
        terminal.prompt()
        terminal.type('one\n')
        terminal.expect('connection lost')
        terminal.prompt()
        terminal.type('two\n')
        terminal.expect('the message waits')
        terminal.type('\x03')
        terminal.expect('withdrawn')
        terminal.prompt()
        terminal.type('/quit\n')
        terminal.until_the_end(0)
    equal(got, ['one'])


def typed(keys, *more, term='xterm'):
    """What the server gets of these keys, sent one after the other."""
    got = []

    def session(websocket):
        websocket.open()
        while True:
            got.append(websocket.expect('chat_message')['content'])
            websocket.say('good')
            websocket.finish()

    with FakeServer(session) as server, Terminal(server.url, term=term) as terminal:
        for each in keys:
            terminal.prompt()
            terminal.type(each)
            terminal.expect('good')
        terminal.prompt()
        terminal.type('\x04')
        terminal.until_the_end(0)
    return got


def can_edit():
    with Server() as server, Terminal(server.url) as terminal:
        terminal.prompt()
        settings = termios.tcgetattr(terminal.master)[3]
        terminal.type('/quit\n')
        terminal.until_the_end(0)
    return not settings & termios.ICANON


@test
def a_line_can_be_edited_and_an_old_one_fetched():
    if not can_edit():
        raise Skipped('built without line editing')
    left, right, up, down, home = ('\033[D', '\033[C', '\033[A', '\033[B', '\001')
    equal(typed(['helo' + left + 'l\n', 'xone\x7f\x7f\x7f\x7fone\n', up + '\n', up + up + '!\n',
                 'Zürx\x7fich €\n', 'c' + home + 'ab\n', 'ab' + left + left + right + '-\n',
                 'lost\x15kept\n', 'draft' + up + down + '\x15new\n', 'a b\x17c\n']),
          ['hello', 'one', 'one', 'hello!', 'Zürich €', 'abc', 'a-b', 'kept', 'new', 'a c'])


@test
def a_terminal_that_moves_no_cursor_takes_lines_as_they_are():
    equal(typed(['one\n', 'Zürich\n'], term='dumb'), ['one', 'Zürich'])


@test
def typing_below_an_answer_harms_neither():
    got = []
    go_on = threading.Event()

    def session(websocket):
        websocket.open()
        got.append(websocket.expect('chat_message')['content'])
        websocket.say('The first half')
        go_on.wait(PATIENCE)
        websocket.say(' and the second.')
        websocket.finish()
        got.append(websocket.expect('chat_message')['content'])
        websocket.say('good')
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server, Terminal(server.url) as terminal:
        terminal.prompt()
        terminal.type('talk\n')
        terminal.expect('The first half')
        terminal.type('nex')
        terminal.expect('nex')
        go_on.set()
        terminal.expect(' and the second.')
        terminal.prompt()
        terminal.type('t\n')
        terminal.expect('good')
        terminal.type('/quit\n')
        terminal.until_the_end(0)
    equal(got, ['talk', 'next'])


@test
def the_terminal_is_left_as_it_was():
    for keys, status in [(['/quit\n'], 0), (['\x04'], 0), (['half', '\x03', 'again'], 130)]:
        with Server() as server, Terminal(server.url) as terminal:
            terminal.prompt()
            for each in keys:
                if each == 'again':
                    terminal.expect('again quits')
                    each = '\x03'
                terminal.type(each)
            equal(terminal.process.wait(PATIENCE), status)
            equal(termios.tcgetattr(terminal.master), terminal.settings)


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
        terminal.prompt()
        terminal.type('hel')
        terminal.expect('hel')
        sessions[0].reset()
        terminal.expect('connected again')
        terminal.expect('>\033[0m hel')
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
        terminal.prompt()
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
        terminal.prompt()
        terminal.type('one\n')
        terminal.until_the_end(5)


@test
def the_demonstration_goes_on_with_the_person():
    with Terminal('--demo') as terminal:
        terminal.expect('connected again')
        terminal.expect('Your turn')
        terminal.prompt()
        terminal.type('hello you\n')
        terminal.expect('You said: hello you')
        terminal.type('/quit\n')
        terminal.until_the_end(0)
