"""Python's websockets with json: SCENARIO URL COUNT SESSIONS THREADS CA_FILE"""

import asyncio
import json
import sys
import time

import websockets


async def main(scenario, url, count):
    message = json.dumps({'type': 'chat_message', 'content': 'x' * 73, 'media': []},
                         separators=(',', ':'))
    messages, size, took = 0, 0, []
    async with websockets.connect(url + '/ws?ticket=bench', compression=None) as ws:
        await ws.recv()
        began, cpu = time.monotonic(), time.process_time()
        if scenario == 'ping-pong':
            for _ in range(count):
                sent = time.monotonic()
                await ws.send(message)
                json.loads(await ws.recv())
                took.append((time.monotonic() - sent) * 1e6)
                messages += 1
        else:
            await ws.send(message)
            while messages < count:
                frame = json.loads(await ws.recv())
                if frame['type'] == 'chat_event' and frame['event'] == 'provider-event' \
                        and frame['data']['type'] == 'text-delta':
                    size += len(frame['data']['textDelta'])
                    messages += 1
        said = {'elapsed_s': time.monotonic() - began, 'cpu_s': time.process_time() - cpu,
                'messages': messages}
    if took:
        took.sort()
        at = lambda part: took[int(part * (len(took) - 1))]
        said |= {'p50_us': at(0.5), 'p99_us': at(0.99),
                 'percentiles_us': [at((i + 0.5) / 100) for i in range(100)]}
    else:
        said['text_bytes'] = size
    print(json.dumps(said))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
