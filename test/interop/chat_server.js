// A chat server of Node's `ws`, with compression: tickets over HTTP, then sessions. It cuts a
// session off behind the answer to a message that says so. Prints its port.
'use strict';

const http = require('http');
const { WebSocketServer } = require(process.argv[2]);

const server = http.createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    const good = request.method === 'POST' && request.url === '/base/api/v1/tickets';
    response.writeHead(good ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ success: good, ticket: 'a b#c&d',
                                  expiresAt: new Date(Date.now() + 3600e3).toISOString() }));
  });
});

const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname !== '/base/ws' || url.searchParams.get('ticket') !== 'a b#c&d')
    return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
  sockets.handleUpgrade(request, socket, head, (session) => serve(session));
});

function serve(session) {
  const say = (message) => session.send(JSON.stringify(message));
  say({ type: 'session_established' });
  session.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (message.type !== 'chat_message') return;
    const finished = { type: 'chat_finished', data: { conversationId: 'c' } };
    if (message.content === 'cut')
      return session.send(JSON.stringify(finished), () => session.terminate());
    if (message.content === 'close') {
      say(finished);
      return session.close(1012, 'restart');
    }
    for (const word of `you said ${message.content}`.split(/(?<= )/))
      say({ type: 'chat_event', event: 'content-delta', data: { delta: word } });
    session.ping();
    say(finished);
  });
}

server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
