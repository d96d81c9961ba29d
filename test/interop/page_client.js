// A chat client as pages have it, made without the library: page_client.js WS_MODULE SERVER_URL.
// It asks a preflight first, appends the ticket to the URL as it came, and answers tools with what a
// function returned, which may be undefined. Prints a line for whatever it sees.
'use strict';

const { WebSocket } = require(process.argv[2]);
const base = process.argv[3].replace(/\/$/, '');
const http = base.replace(/^ws/, 'http');
const origin = 'http://localhost:3000';
const agent = 'page/1';

const say = (...words) => console.log(words.join(' '));

// A browser's rules for another origin: the preflight allows the method and every header of its own.
async function request(method, path, body) {
  const headers = { 'content-type': 'application/json', 'x-oddle-mp-auth-token': 'token',
                    'x-oddle-chat-server-key': 'key' };
  const asked = await fetch(http + path, { method: 'OPTIONS', headers: {
    origin, 'access-control-request-method': method,
    'access-control-request-headers': Object.keys(headers).join(',') } });
  const allowed = (name) => (asked.headers.get(name) || '').toLowerCase().split(/\s*,\s*/);
  const shared = (answer) => [origin, '*'].includes(answer.headers.get('access-control-allow-origin'));
  if (!asked.ok || !shared(asked) || !allowed('access-control-allow-methods').includes(method.toLowerCase()) ||
      !Object.keys(headers).every((name) => allowed('access-control-allow-headers').includes(name)))
    throw new Error(`preflight of ${path} is refused`);
  const answer = await fetch(http + path, { method, body: JSON.stringify(body),
                                            headers: { ...headers, origin, 'user-agent': agent } });
  if (!shared(answer)) throw new Error(`the answer of ${path} is not shared`);
  return answer.json();
}

// What each tool returns; nothing is a member that JSON.stringify leaves out.
const tools = { get_weather: () => undefined };
const parameters = [{ name: 'city', type: 'string', description: 'Its name', isRequired: true,
                      schema: { type: 'string' } }];
const messages = ["What's the weather in Bern?", 'and now?'];

function converse(ticket) {
  const socket = new WebSocket(`${base}/ws?ticket=${ticket}`, { origin });
  const send = (message) => socket.send(JSON.stringify(message));
  let conversation;
  let text = '';
  const ask = () => {
    const content = messages.shift();
    if (!content) return send({ type: 'heartbeat_ping', timestamp: new Date().toISOString(),
                                pingTime: Date.now() });
    text = '';
    return send({ type: 'chat_message', content, media: [], providerResId: conversation });
  };
  const on = {
    session_established: () => send({
      type: 'configure_tools', contextHelpers: {}, generativeComponents: [],
      toolSchemas: Object.keys(tools).map((name) => ({ name, description: 'A tool', parameters })) }),
    tools_configured: (message) => { say('tools', message.data.toolNames); ask(); },
    thread_created: (message) => { conversation = message.data.providerResId; say('thread'); },
    chat_event: (message) => { if (message.event === 'content-delta') text += message.data.delta; },
    tool_call_request: (message) => {
      say('call', message.toolName, JSON.stringify(message.parameters));
      const result = tools[message.toolName](message.parameters);
      send({ type: 'tool_call_response', callId: message.callId, result, error: undefined });
    },
    chat_finished: (message) => {
      say('answer', JSON.stringify(text));
      if (message.data.conversationId !== conversation) say('FAIL another conversation');
    },
    messages_persisted: ask,
    heartbeat_ack: async () => {
      const updated = await request('PATCH', `/api/v1/threads/${encodeURIComponent(conversation)}`,
                                    { title: 'x', metadata: [1, 'two'] });
      say('updated', updated.success);
      socket.close(1000);
    },
  };
  socket.on('message', (data) => {
    const message = JSON.parse(data.toString());
    if (on[message.type]) Promise.resolve(on[message.type](message)).catch(fail);
    else say('FAIL', data);
  });
  socket.on('error', fail);
  socket.on('close', (code) => { say('closed', code); process.exit(0); });
}

function fail(error) {
  say('FAIL', error.stack);
  process.exit(1);
}

(async () => {
  const { ticket, expiresAt } = await request('POST', '/api/v1/tickets', {
    providerResId: undefined, clientInfo: { userAgent: agent, timestamp: new Date().toISOString() } });
  if (!(Date.parse(expiresAt) > Date.now())) say('FAIL expiresAt');
  const checked = await request('POST', '/api/v1/tickets/validate', { ticket });
  say('ticket', checked.valid);
  converse(ticket);
})().catch(fail);
