// Node's `ws` with JSON.parse: SCENARIO URL COUNT SESSIONS THREADS CA_FILE
'use strict';

const WebSocket = require('ws');

const [scenario, url, count] = process.argv.slice(2);
const wanted = Number(count);
const pings = scenario === 'ping-pong';
const message = JSON.stringify({ type: 'chat_message', content: 'x'.repeat(73), media: [] });

let open = false;
let messages = 0;
let bytes = 0;
let began, began_cpu, sent;
const took = [];

const ws = new WebSocket(`${url}/ws?ticket=bench`, { perMessageDeflate: false });
ws.on('error', (error) => { console.error(error.message); process.exit(1); });
ws.on('message', (text) => {
  const frame = JSON.parse(text);
  if (!open) {
    open = true;
    began = process.hrtime.bigint();
    began_cpu = process.cpuUsage();
    sent = began;
    ws.send(message);
    return;
  }
  if (pings) {
    took.push(Number(process.hrtime.bigint() - sent) / 1000);
    messages += 1;
    sent = process.hrtime.bigint();
    if (messages < wanted) ws.send(message);
  } else if (frame.type === 'chat_event' && frame.event === 'provider-event' &&
             frame.data.type === 'text-delta') {
    bytes += frame.data.textDelta.length;
    messages += 1;
  }
  if (messages >= wanted) report();
});

function report() {
  const cpu = process.cpuUsage(began_cpu);
  const said = {
    elapsed_s: Number(process.hrtime.bigint() - began) / 1e9,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    messages,
  };
  if (pings) {
    took.sort((a, b) => a - b);
    const at = (part) => took[Math.floor(part * (took.length - 1))];
    said.p50_us = at(0.5);
    said.p99_us = at(0.99);
    said.percentiles_us = Array.from({ length: 100 }, (_, i) => at((i + 0.5) / 100));
  } else {
    said.text_bytes = bytes;
  }
  console.log(JSON.stringify(said));
  process.exit(0);
}
