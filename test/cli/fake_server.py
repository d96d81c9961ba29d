"""A chat server for tests of the programs: tickets over HTTP, and a script for each WebSocket.

It knows RFC 6455 only as far as it needs to, and does exactly what its test says.
"""

import base64
import hashlib
import json
import socket
import struct
import threading
from datetime import datetime, timedelta, timezone

GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class Gone(Exception):
    """The client has closed the connection."""


class WebSocket:
    """One session, after the 101."""

    def __init__(self, connection, stream, target):
        self.connection = connection
        self.stream = stream
        self.target = target

    def send(self, message):
        self.send_text(json.dumps(message))

    def send_text(self, text):
        self.send_frame(0x1, text.encode())

    def send_frame(self, opcode, payload):
        if len(payload) < 126:
            head = struct.pack('!BB', 0x80 | opcode, len(payload))
        elif len(payload) < 1 << 16:
            head = struct.pack('!BBH', 0x80 | opcode, 126, len(payload))
        else:
            head = struct.pack('!BBQ', 0x80 | opcode, 127, len(payload))
        self.connection.sendall(head + payload)

    def exactly(self, size):
        data = self.stream.read(size)
        if len(data) < size:
            raise Gone
        return data

    def receive(self):
        """The next message, as JSON; pings are answered on the way."""
        while True:
            first, second = self.exactly(2)
            size = second & 0x7F
            if size == 126:
                size, = struct.unpack('!H', self.exactly(2))
            elif size == 127:
                size, = struct.unpack('!Q', self.exactly(8))
            mask = self.exactly(4)
            masked = self.exactly(size)
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
            opcode = first & 0x0F
            if opcode == 0x8:
                self.send_frame(0x8, payload[:2])
                raise Gone
            if opcode == 0x9:
                self.send_frame(0xA, payload)
            elif opcode == 0x1:
                return json.loads(payload)

    def expect(self, kind):
        """The next message of that type; others are passed over."""
        while True:
            message = self.receive()
            if message.get('type') == kind:
                return message

    def open(self):
        """The opening of a session: what the client configured, or None when it has no tools."""
        self.send({'type': 'session_established'})

    def acknowledge_tools(self):
        configured = self.expect('configure_tools')
        names = [schema['name'] for schema in configured['toolSchemas']]
        self.send({'type': 'tools_configured',
                   'data': {'toolCount': len(names), 'toolNames': names}})
        return configured

    def say(self, text):
        self.send({'type': 'chat_event', 'event': 'content-delta', 'data': {'delta': text}})

    def finish(self, conversation='c1'):
        self.send({'type': 'chat_finished', 'data': {'conversationId': conversation}})

    def close(self, code):
        """Closes, and waits until the client has closed too."""
        self.send_frame(0x8, struct.pack('!H', code))
        try:
            while True:
                self.receive()
        except Gone:
            pass

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.stream.close()
        self.connection.close()


def default_ticket(_request):
    expires = datetime.now(timezone.utc) + timedelta(hours=1)
    return 200, {'success': True, 'ticket': 'a/ticket+#?&=',
                 'expiresAt': expires.strftime('%Y-%m-%dT%H:%M:%S.000Z')}


class FakeServer:
    """`session(websocket)` is run for each WebSocket; `ticket(request)` gives status and body."""

    def __init__(self, session=None, ticket=default_ticket):
        self.session = session
        self.ticket = ticket
        self.requests = []  # (method, target, headers, body)
        self.errors = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = 'ws://127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.refuse()

    def refuse(self):
        """From now on nobody gets a connection."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection:
                self.answer(connection, connection.makefile('rb'))
        except (Gone, ConnectionError):
            pass
        except OSError as error:
            if error.errno != 9:  # closed by the script itself
                self.errors.append(repr(error))
        except Exception as error:  # a test looks at them
            self.errors.append(repr(error))

    def answer(self, connection, stream):
        request = stream.readline().decode().split()
        if len(request) < 2:
            return
        headers = {}
        while (line := stream.readline().decode().strip()):
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get('content-length', 0)))
        self.requests.append((request[0], request[1], headers, body))
        if request[0] == 'GET':
            self.upgrade(connection, stream, request[1], headers)
            return
        status, content = self.ticket(self.requests[-1])
        data = json.dumps(content).encode()
        connection.sendall(b'HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n'
                           b'Content-Length: %d\r\nConnection: close\r\n\r\n' % (status, len(data))
                           + data)

    def upgrade(self, connection, stream, target, headers):
        accept = hashlib.sha1((headers['sec-websocket-key'] + GUID).encode()).digest()
        connection.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                           b'Connection: Upgrade\r\nSec-WebSocket-Accept: '
                           + base64.b64encode(accept) + b'\r\n\r\n')
        self.session(WebSocket(connection, stream, target))
