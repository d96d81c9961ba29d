"""Runs the built programs for the tests of them, and looks at what they leave behind."""

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

CHAT, SERVER = (str(Path(argument).resolve()) for argument in sys.argv[1:3])
PATIENCE = 90  # seconds, for a machine that is busy
QUESTION = "What's the weather in Zürich?"
WEATHER = 'weather=printf \'{"temperature":21,"unit":"C","sky":"sunny"}\''
TESTS = []

KEYS = {
    'session_ready': {'tools'},
    'text_delta': {'text'},
    'reasoning': {'id', 'phase', 'text'},
    'tool_call': {'name', 'callId', 'parameters'},
    'tool_result': {'name', 'callId', 'result', 'error'},
    'tool_result_repeated': {'name', 'callId'},
    'server_tool': {'name', 'callId', 'phase', 'args', 'result'},
    'ui_component': {'callId', 'name', 'props', 'status'},
    'thread_created': {'threadId', 'providerResId', 'canUpdateMetadata'},
    'messages_persisted': {'threadId', 'providerResId'},
    'finished': {'conversationId'},
    'chat_error': {'error', 'code'},
    'server_error': {'error', 'code'},
    'message_skipped': {'reason'},
    'connection_lost': {'reason', 'code', 'willReconnect', 'unconfirmed'},
    'reconnecting': {'attempt', 'delayMs', 'cause'},
    'connection_restored': set(),
    'connection_failed': {'type', 'code', 'message'},
    'ticket_renewed': {'expiresInMs'},
    'error': {'type', 'code', 'message', 'details'},
}


def test(function):
    TESTS.append(function)
    return function


def equal(actual, wanted, context=''):
    if actual != wanted:
        raise AssertionError(f'{actual!r} is not {wanted!r} {context}')


def contains(text, part):
    if part not in text:
        raise AssertionError(f'{part!r} is not in {text!r}')


class Skipped(Exception):
    """Cannot be tried on this machine."""


class Ended:
    """What a run of the program left behind."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f'status {self.status}\nstdout: {self.out}\nstderr: {self.err}'

    def events(self):
        """The lines of --json; each is what the contract says it is."""
        events = [json.loads(line) for line in self.out.splitlines()]
        for event in events:
            equal(set(event) - {'event'}, KEYS[event['event']], event['event'])
        return events

    def only(self, kind):
        return [event for event in self.events() if event['event'] == kind]

    def names(self):
        return [event['event'] for event in self.events()]

    def text(self):
        return ''.join(event['text'] for event in self.only('text_delta'))


def environment(**more):
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith('PARLEY_') and name != 'NO_COLOR'}
    return clean | more


def chat(*arguments, stdin='', env=None, status=None):
    run = subprocess.run([CHAT, *arguments], input=stdin.encode(), capture_output=True,
                         timeout=PATIENCE, env=env or environment())
    ended = Ended(run.returncode, run.stdout.decode(), run.stderr.decode())
    if status is not None:
        equal(ended.status, status, f'\n{ended}')
    return ended


def start(*arguments, where=(), **more):
    """`where` is what the command line begins with."""
    return subprocess.Popen([*where, CHAT, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(), **more)


def end(process, status):
    out, err = process.communicate(timeout=PATIENCE)
    ended = Ended(process.returncode, out.decode(), err.decode())
    equal(ended.status, status, f'\n{ended}')
    return ended


class Server:
    """parley-server, for a while."""

    def __init__(self, *arguments, where=(), awkward_tickets=True):
        if awkward_tickets:
            arguments = ('--awkward-tickets', *arguments)
        self.process = subprocess.Popen([*where, SERVER, '--port', '0', *arguments],
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        equal(words[0], 'listening')
        self.url = f'ws://127.0.0.1:{words[1]}'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        equal(self.process.wait(PATIENCE), 0, 'the status of parley-server')


def answering(text='hello'):
    """A session that answers every message so."""
    def session(websocket):
        websocket.open()
        while True:
            websocket.expect('chat_message')
            websocket.say(text)
            websocket.finish()
    return session


def is_running(process):
    try:
        state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return False
    return state not in 'ZX'


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, *arguments, term='xterm'):
        try:
            self.master, slave = pty.openpty()
        except OSError as error:  # a root without /dev/pts
            raise Skipped(str(error)) from error
        self.shown = ''
        self.prompt_text = '> ' if term == 'dumb' else '>\033[0m '
        self.settings = termios.tcgetattr(self.master)
        self.process = subprocess.Popen([CHAT, *arguments], stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        env=environment(TERM=term),
                                        preexec_fn=lambda: take_terminal(0))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += data.decode(errors='replace')
        return bool(data)

    def expect(self, part):
        """Waits until that is shown; what comes after it is for the next call."""
        deadline = time.monotonic() + PATIENCE
        while part not in self.shown:
            if time.monotonic() > deadline or (not self.read(1) and self.process.poll() is not None
                                               and part not in self.shown):
                raise AssertionError(f'{part!r} is not shown: {self.shown!r}')
        self.shown = self.shown.partition(part)[2]

    def prompt(self):
        self.expect(self.prompt_text)

    def until_the_end(self, status):
        while self.read(PATIENCE):
            pass
        equal(self.process.wait(PATIENCE), status, self.shown)
        return self.shown


def take_terminal(descriptor):
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def attempt(function):
    """(verdict, the line that says so)"""
    try:
        function()
    except Skipped as why:
        return 'skipped', f'skip {function.__name__}: {why}'
    except Exception as error:
        return 'failed', f'FAIL {function.__name__}: {type(error).__name__}: {error}'
    return 'passed', f'ok   {function.__name__}'
