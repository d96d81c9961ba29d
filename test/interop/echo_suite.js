// A conformance server of Node's `ws`: /getCaseCount, /runCase?case=N, /updateReports.
// With compression, as its other end implements it. Prints its port, then a line for each case.
'use strict';

const { WebSocketServer } = require(process.argv[2]);

const sizes = [0, 1, 125, 126, 127, 1000, 4613, 4614, 4617, 65535, 65536, 131072, 1048576];
const json = '{"type":"chat_event","data":{"delta":"hello world "}}';

function pattern(kind, size) {
  if (kind === 'same') return 'a'.repeat(size);
  if (kind === 'json') return json.repeat(Math.ceil(size / json.length) + 1).slice(0, size);
  let state = 1;
  let text = '';
  for (let at = 0; at < size; ++at) {
    state = (state * 1103515245 + 12345) % 2147483648;
    text += String.fromCharCode(97 + (state >> 8) % 26);
  }
  return text;
}

// Each sends its messages and says `true` when all came back as they were, in their order.
const cases = [];
for (const kind of ['same', 'json', 'noise'])
  for (const binary of [false, true])
    for (const pieces of [1, 5])
      cases.push({ name: `${kind} ${binary ? 'binary' : 'text'} in ${pieces}`, binary, pieces,
                   messages: sizes.map((size) => pattern(kind, size)) });

function send(socket, one, message) {
  const bytes = Buffer.from(message);
  const step = Math.max(1, Math.ceil(bytes.length / one.pieces));
  for (let at = 0; at === 0 || at < bytes.length; at += step)
    socket.send(bytes.subarray(at, at + step),
                { binary: one.binary, fin: at + step >= bytes.length });
  socket.ping('between');
}

function run(socket, one, number) {
  let right = 0;
  let pongs = 0;
  socket.on('message', (data, binary) => {
    const wanted = one.messages[right];
    if (binary !== one.binary || data.toString() !== wanted) return socket.close(4000, 'wrong echo');
    right += 1;
    if (right === one.messages.length) socket.close(1000, 'done');
  });
  socket.on('pong', (data) => { if (data.toString() === 'between') pongs += 1; });
  socket.on('close', (code) => {
    const good = right === one.messages.length && pongs === right && code === 1000;
    console.log(`${good ? 'ok' : 'FAIL'} ${number} ${one.name}: ${right} echoes, ${pongs} pongs, ${code}`);
  });
  for (const message of one.messages) send(socket, one, message);
}

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 1 << 26,
                                     perMessageDeflate: { threshold: 0 } });
server.on('connection', (socket, request) => {
  const url = new URL(request.url, 'http://x');
  if (!/permessage-deflate/.test(socket.extensions)) console.log('FAIL no compression');
  if (url.pathname === '/getCaseCount') return socket.send(String(cases.length));
  if (url.pathname === '/runCase') {
    const number = Number(url.searchParams.get('case'));
    return run(socket, cases[number - 1], number);
  }
  console.log(`reports of ${url.searchParams.get('agent')}`);
  socket.close(1000);
});
server.on('listening', () => console.log(`listening ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
