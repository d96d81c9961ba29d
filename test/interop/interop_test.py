"""What strangers say to us: Node's `ws`, nginx between us and a server, and a link that fails.

    interop_test.py PARLEY_CHAT PARLEY_SERVER ECHO_CLIENT [PART_OF_A_TEST'S_NAME...]

All on loopback, or in a network namespace. What is not installed is skipped. The last line is `N passed, N failed, N skipped`.
"""

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays as it is
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'cli'))

import harness  # noqa: E402
from harness import PATIENCE, Server, Skipped, attempt, chat, contains, equal, start, test  # noqa: E402

ECHO_CLIENT = str(Path(sys.argv[3]).resolve())
WS_FOLDERS = ['/usr/share/nodejs/ws', '/usr/lib/node_modules/ws', '/usr/local/lib/node_modules/ws']
SESSIONS = 4


def program(name):
    found = shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/usr/local/sbin')
    if not found:
        raise Skipped(f'{name} is not installed')
    return found


def node_command(script):
    """A script that gets Node's ws as its first argument."""
    node = program('node')
    module = next((folder for folder in WS_FOLDERS if Path(folder).is_dir()), None)
    if not module:
        raise Skipped('the module ws of Node is not installed')
    return [node, str(HERE / script), module]


class Node:
    """A script with Node's ws, for a while."""

    def __init__(self, script):
        self.process = subprocess.Popen(node_command(script), text=True, stdout=subprocess.PIPE)
        self.port = self.process.stdout.readline().split()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def rest(self):
        self.process.terminate()
        return self.process.communicate(timeout=PATIENCE)[0].splitlines()


@test
def node_ws_gets_every_message_back():
    with Node('echo_suite.js') as node:
        run = subprocess.run([ECHO_CLIENT, node.port, 'parley test'], capture_output=True,
                             text=True, timeout=PATIENCE * 3)
        lines = node.rest()
        equal(run.returncode, 0, run.stderr)
        equal([line for line in lines if line.startswith('FAIL')], [])
        equal(sum(line.startswith('ok ') for line in lines), 12, lines)
        contains(lines, 'reports of parley test')


@test
def node_ws_serves_a_conversation_with_compression():
    with Node('chat_server.js') as node:
        url = f'ws://127.0.0.1:{node.port}/base/'
        run = chat('--json', url, 'hello', 'Zürich', 'x' * 5000, status=0)
        equal(run.text(), 'you said hello' + 'you said Zürich' + 'you said ' + 'x' * 5000)
        equal(len(run.only('finished')), 3)
        equal(run.only('message_skipped'), [])


@test
def node_ws_cuts_a_session_off_and_it_comes_back():
    for word, code in [('cut', None), ('close', 1012)]:
        with Node('chat_server.js') as node:
            session = Session(f'ws://127.0.0.1:{node.port}/base')
            try:
                session.say(word)
                lost = session.until('connection_lost')[-1]
                equal((lost['willReconnect'], lost['unconfirmed']), (True, 0))
                equal(lost['code'] if code else None, code)
                session.until('connection_restored')
                converse(session, 'and now?')
                session.end()
            finally:
                session.stop()


@test
def a_page_of_another_origin_holds_a_conversation_with_our_server():
    command = node_command('page_client.js')
    with Server(awkward_tickets=False) as server:
        run = subprocess.run([*command, server.url], capture_output=True, text=True,
                             timeout=PATIENCE)
    lines = run.stdout.splitlines()
    equal((run.returncode, run.stderr), (0, ''), run.stdout)
    for line in ['ticket true', 'tools get_weather', 'thread', 'call get_weather {"city":"Bern"}',
                 'updated true']:
        contains(lines, line)
    answers = [json.loads(line.partition(' ')[2]) for line in lines if line.startswith('answer')]
    equal(len(answers), 2, lines)
    contains(answers[0], 'Bern right now: null')
    contains(answers[1], 'You said: and now?')
    equal(lines[-1], 'closed 1000', lines)
    equal([line for line in lines if line.startswith('FAIL')], [])


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


class Nginx:
    """TLS outside, the server inside; can go and come back on the same port."""

    def __init__(self, folder, inside):
        self.program, self.folder, self.port = program('nginx'), Path(folder), free_port()
        subprocess.run([program('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-addext', 'subjectAltName=DNS:localhost', '-keyout', self.folder / 'key.pem',
                        '-out', self.folder / 'cert.pem'], check=True, capture_output=True)
        self.certificate = str(self.folder / 'cert.pem')
        (self.folder / 'nginx.conf').write_text(f'''
            daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
            events {{ worker_connections 256; }}
            http {{
              access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
              fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
              scgi_temp_path {folder}/scgi;
              server {{
                listen 127.0.0.1:{self.port} ssl;
                ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
                location / {{
                  proxy_pass http://{inside}; proxy_http_version 1.1;
                  proxy_set_header Host $http_host; proxy_set_header Connection $http_connection;
                  proxy_set_header Upgrade $http_upgrade; proxy_read_timeout 3600s;
                }}
              }}
            }}''')
        self.url = f'wss://localhost:{self.port}'
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, '-p', str(self.folder), '-c', str(self.folder / 'nginx.conf'),
             '-e', str(self.folder / 'error.log')], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise AssertionError((self.folder / 'error.log').read_text()) from None
                time.sleep(0.05)
        raise AssertionError('nginx does not listen')

    def stop(self):
        if self.process:
            self.process.terminate()  # at once: every connection is cut
            self.process.wait(PATIENCE)
            self.process = None


class Session:
    """parley-chat that is fed lines, and whose events are read as they come."""

    def __init__(self, *arguments, where=()):
        self.process = start('--json', *arguments, where=where)
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def say(self, text):
        self.process.stdin.write((text + '\n').encode())
        self.process.stdin.flush()

    def until(self, kind):
        """The events up to the first of that kind."""
        seen = []
        deadline = time.monotonic() + PATIENCE
        while not seen or seen[-1]['event'] != kind:
            event = self.events.get(timeout=max(0.1, deadline - time.monotonic()))
            if event is None:
                raise AssertionError(f'it ended without {kind}: {self.process.stderr.read()}')
            seen.append(event)
        return seen

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(PATIENCE), 0, self.process.stderr.read())

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()


@test
def nginx_ends_tls_and_is_restarted_under_load():
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        nginx = Nginx(folder, server.url.removeprefix('ws://'))
        sessions = []
        try:
            nginx.start()
            sessions = [Session('--ca', nginx.certificate, nginx.url) for _ in range(SESSIONS)]
            for session in sessions:
                session.say('hello')
            for session in sessions:
                session.until('finished')
            for _ in range(3):
                nginx.stop()
                for session in sessions:
                    equal(session.until('connection_lost')[-1]['willReconnect'], True)
                nginx.start()
                for session in sessions:
                    session.until('connection_restored')
                for session in sessions:
                    session.say('and now?')
                for session in sessions:
                    events = session.until('finished')
                    equal(any(event['event'] == 'text_delta' for event in events), True)
            for session in sessions:
                session.end()
        finally:
            for session in sessions:
                session.stop()
            nginx.stop()


@test
def nginx_without_its_server_is_502_and_worth_a_retry():
    with tempfile.TemporaryDirectory() as folder:
        nginx = Nginx(folder, f'127.0.0.1:{free_port()}')
        try:
            nginx.start()
            run = chat('--json', '--connect-timeout', '1', '--ca', nginx.certificate, nginx.url, 'x',
                       status=3)
            equal(run.only('error')[0]['details'].get('httpStatus'), 502)
        finally:
            nginx.stop()


class Link:
    """A network namespace: whoever runs `inside` shares a loopback of his own, that can fail."""

    def __init__(self):
        self.program, self.name = program('ip'), f'parley-{os.getpid()}'
        self.inside = [self.program, 'netns', 'exec', self.name]

    def __enter__(self):
        made = subprocess.run([self.program, 'netns', 'add', self.name], capture_output=True, text=True)
        if made.returncode != 0:
            raise Skipped(f'no network namespaces here: {made.stderr.strip()}')
        self.mend()
        return self

    def __exit__(self, *_):
        subprocess.run([self.program, 'netns', 'delete', self.name], check=True)

    def cut(self):
        """From now on packets are lost, and nobody is told."""
        subprocess.run([*self.inside, 'ip', 'link', 'set', 'lo', 'down'], check=True)

    def mend(self):
        subprocess.run([*self.inside, 'ip', 'link', 'set', 'lo', 'up'], check=True)

    def disturb(self, *how):
        done = subprocess.run([*self.inside, program('tc'), 'qdisc', 'replace', 'dev', 'lo', 'root', 'netem',
                               *how], capture_output=True, text=True)
        if done.returncode != 0:
            raise Skipped(f'no netem here: {done.stderr.strip()}')


def converse(session, text):
    session.say(text)
    events = session.until('finished')
    equal(any(event['event'] == 'text_delta' for event in events), True)


@test
def a_link_that_is_cut_is_noticed_and_the_session_comes_back():
    with Link() as link, Server(where=link.inside) as server:
        session = Session(server.url, where=link.inside)
        try:
            converse(session, 'hello')
            link.cut()
            # Nobody hangs up: only the heartbeat tells, 25 s of silence and 10 s without an answer.
            lost = session.until('connection_lost')[-1]
            equal((lost['reason'], lost['willReconnect']), ('silent', True))
            while session.until('reconnecting')[-1]['attempt'] < 3:
                pass
            link.mend()
            session.until('connection_restored')
            converse(session, 'and now?')
            session.end()
        finally:
            session.stop()


@test
def a_link_that_delays_loses_and_repeats_packets_carries_a_conversation():
    with Link() as link, Server(where=link.inside) as server:
        link.disturb('delay', '60ms', '40ms', 'loss', '3%', 'duplicate', '2%')
        session = Session(server.url, where=link.inside)
        try:
            for text in ['hello', 'Zürich', 'x' * 50_000, 'and now?']:
                converse(session, text)
            session.end()
        finally:
            session.stop()


def main():
    parts = sys.argv[4:]
    wanted = [function for function in harness.TESTS
              if not parts or any(part in function.__name__ for part in parts)]
    counts = Counter()
    for function in wanted:
        verdict, line = attempt(function)
        print(line, flush=True)
        counts[verdict] += 1
    print(', '.join(f'{counts[verdict]} {verdict}' for verdict in ['passed', 'failed', 'skipped']))
    sys.exit(1 if counts['failed'] or not wanted else 0)


if __name__ == '__main__':
    main()
