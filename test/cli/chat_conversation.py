"""What parley-chat writes about a conversation, and the tools in it."""

import json
import subprocess
import tempfile
from pathlib import Path

from fake_server import FakeServer
from harness import (
    QUESTION, Server, PATIENCE, answering, chat, contains, end, environment, equal, start, test,
    CHAT)


@test
def the_demonstration_calls_a_tool_and_ends_well():
    run = chat('--demo', '--json', QUESTION, status=0)
    names = run.names()
    equal(names[0], 'session_ready')
    equal(run.only('session_ready'), [{'event': 'session_ready', 'tools': ['weather']}])
    order = [names.index(name) for name in ['tool_call', 'tool_result', 'text_delta', 'finished']]
    equal(order, sorted(order), names)
    call, result = run.only('tool_call')[0], run.only('tool_result')[0]
    equal(call['parameters']['city'], 'Zürich')
    equal((call['callId'], result['error']), (result['callId'], None))
    equal('error' in names, False, names)
    contains(run.text(), 'Zürich')


@test
def the_demonstration_without_a_message_has_a_script():
    run = chat('--demo', '--json', status=0)
    names = run.names()
    steps = ['session_ready', 'tool_call', 'tool_result', 'text_delta', 'finished',
             'ticket_renewed', 'connection_lost', 'reconnecting', 'connection_restored']
    order = [names.index(step) for step in steps]
    equal(order, sorted(order), names)
    equal(names.count('finished'), 2, names)
    equal(names.index('connection_restored') < len(names) - 1 - names[::-1].index('finished'),
          True, names)
    equal(run.only('connection_lost')[0]['willReconnect'], True)


@test
def the_demonstration_can_be_read():
    run = chat('--demo', status=0)
    contains(run.out, 'Zürich')
    for part in ['ticket', 'tool weather', 'renewed', 'connection lost', 'connected again']:
        contains(run.err, part)
    equal('\033' in run.out + run.err, False, 'colours without a terminal')


@test
def the_answer_alone_goes_to_standard_output():
    with FakeServer(answering('one\ntwo')) as server:
        run = chat(server.url, 'hi', status=0)
        equal(run.out, 'one\ntwo\n')
        run = chat(server.url, 'hi', 'hi', status=0)
        equal(run.out, 'one\ntwo\none\ntwo\n')


@test
def every_positional_is_a_message_in_its_order():
    got = []

    def session(websocket):
        websocket.open()
        while True:
            message = websocket.expect('chat_message')
            got.append((message['content'], message['media']))
            websocket.finish()

    with FakeServer(session) as server:
        chat(server.url, '[a, b]', '--json', '--', '-v', status=0)
    equal(got, [('[a, b]', []), ('-v', [])])


@test
def lines_of_standard_input_are_messages():
    with Server() as server:
        run = chat('--json', server.url, stdin='first\n\nsecond\r\nlast', status=0)
        equal(run.names().count('finished'), 3)
        for part in ['first', 'second', 'last']:
            contains(run.text(), f'You said: {part}')
        run = chat('--json', server.url, stdin='', status=0)
        equal(run.names(), ['session_ready'])
    run = chat('--demo', '--json', stdin='hi there\n', status=0)
    contains(run.text(), 'hi there')
    equal(run.names().count('finished'), 1)


@test
def a_closed_standard_input_is_an_empty_one():
    with Server() as server:
        run = subprocess.run(['/bin/sh', '-c', f'exec "{CHAT}" --json {server.url} <&-'],
                             capture_output=True, timeout=PATIENCE, env=environment())
        equal((run.returncode, run.stdout), (0, b'{"event":"session_ready","tools":[]}\n'))


@test
def an_event_is_written_as_it_happens():
    with Server() as server:
        process = start('--json', server.url)
        for text in ['one', 'two']:
            process.stdin.write(f'{text}\n'.encode())
            process.stdin.flush()
            while json.loads(process.stdout.readline())['event'] != 'finished':
                pass
        end(process, 0)


@test
def every_event_of_the_server_has_its_line():
    def provider(websocket, **data):
        websocket.send({'type': 'chat_event', 'event': 'provider-event', 'data': data})

    def session(websocket):
        websocket.open()
        websocket.expect('chat_message')
        provider(websocket, type='reasoning-start', id='r')
        provider(websocket, type='reasoning-delta', id='r', text='h')
        provider(websocket, type='reasoning-delta', id='r', text='m')
        provider(websocket, type='reasoning-end', id='r')
        provider(websocket, type='tool-call', toolName='search', toolCallId='s', args={'q': 1})
        provider(websocket, type='tool-result', toolName='search', toolCallId='s', result=[2])
        provider(websocket, type='text-delta', textDelta='te')
        websocket.say('xt')
        websocket.send({'type': 'ui_component', 'toolCallId': 'u', 'componentName': 'chart',
                        'props': {'a': [1]}, 'status': 'streaming'})
        websocket.send({'type': 'thread_created', 'data': {
            'threadId': 't', 'providerResId': 'p', 'canUpdateMetadata': True,
            'updateEndpoint': '/x'}})
        websocket.send({'type': 'error', 'error': 'odd', 'data': {'errorCode': 'E'}})
        websocket.send_frame(0x2, b'binary')
        websocket.send_text('{')
        websocket.send_text('[]')
        websocket.send_text('{"no":"type"}')
        websocket.send_text('{"type":"what?"}')
        websocket.send_text('{"type":"chat_event","event":"what?","data":{}}')
        websocket.send_text('{"type":"chat_event","event":"content-delta","data":{"delta":1}}')
        websocket.send({'type': 'messages_persisted', 'data': {'threadId': 't'}})
        websocket.finish('conv')
        websocket.expect('never')

    with FakeServer(session) as server:
        run = chat('--json', server.url, 'hi', status=0)
    reasoning = [(event['id'], event['phase'], event['text']) for event in run.only('reasoning')]
    equal(reasoning, [('r', 'start', ''), ('r', 'delta', 'h'), ('r', 'delta', 'm'),
                      ('r', 'end', 'hm')])
    equal([(event['name'], event['callId'], event['phase'], event['args'], event['result'])
           for event in run.only('server_tool')],
          [('search', 's', 'start', {'q': 1}, None), ('search', 's', 'end', None, [2])])
    equal(run.text(), 'text')
    equal(run.only('ui_component'), [{'event': 'ui_component', 'callId': 'u', 'name': 'chart',
                                      'props': {'a': [1]}, 'status': 'streaming'}])
    equal(run.only('thread_created'), [{'event': 'thread_created', 'threadId': 't',
                                        'providerResId': 'p', 'canUpdateMetadata': True}])
    equal(run.only('server_error'), [{'event': 'server_error', 'error': 'odd', 'code': 'E'}])
    equal([event['reason'] for event in run.only('message_skipped')],
          ['binary', 'not_json', 'not_an_object', 'no_type', 'unknown_type', 'unknown_event',
           'bad_field'])
    equal(run.only('messages_persisted'), [{'event': 'messages_persisted', 'threadId': 't',
                                            'providerResId': None}])
    equal(run.events()[-1], {'event': 'finished', 'conversationId': 'conv'})


def weather(command, *more):
    with Server() as server:
        run = chat('--json', '--tool', f'weather={command}', *more, server.url, QUESTION, status=0)
    return run.only('tool_result')[0]


@test
def a_command_is_a_tool():
    equal(weather('cat')['result'], {'city': 'Zürich'})
    equal(weather('printf "rain, mostly\\n"')['result'], 'rain, mostly')
    equal(weather('true')['result'], '')
    equal(weather('printf "{\\n  \\"a\\": 1\\n}\\n"')['result'], {'a': 1})
    failed = weather('echo no >&2; echo idea >&2; exit 4')
    equal((failed['result'], failed['error']), (None, 'idea'))


@test
def a_call_that_is_repeated_is_told_and_run_once():
    answers = []

    def session(websocket):
        websocket.open()
        websocket.acknowledge_tools()
        websocket.expect('chat_message')
        for _ in range(2):
            websocket.send({'type': 'tool_call_request', 'toolName': 'a', 'callId': 'c',
                            'parameters': {}})
            answers.append(websocket.expect('tool_call_response')['result'])
        websocket.finish()
        websocket.expect('never')

    with FakeServer(session) as server:
        run = chat('--json', '--tool', 'a=echo $$', server.url, 'hi', status=0)
        equal(run.only('tool_result_repeated'),
              [{'event': 'tool_result_repeated', 'name': 'a', 'callId': 'c'}])
        equal(len(run.only('tool_result')), 1)
        contains(chat('--tool', 'a=echo $$', server.url, 'hi', status=0).err,
                 'tool a was requested again')
    equal(answers[0], answers[1])


@test
def a_tool_without_a_schema_takes_an_object():
    schemas = []

    def session(websocket):
        websocket.open()
        schemas.append(websocket.acknowledge_tools()['toolSchemas'])
        websocket.expect('chat_message')
        websocket.finish()

    with FakeServer(session) as server, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'schema.json'
        file.write_text('{"type":"object","properties":{"city":{"type":"string"}},'
                        '"required":["city"]}')
        run = chat('--json', '--tool', 'a=true', '--tool', 'b=true', '--tool-schema', f'b={file}',
                   server.url, 'hi', status=0)
    equal(run.only('session_ready')[0]['tools'], ['a', 'b'])
    equal([schema['name'] for schema in schemas[0]], ['a', 'b'])
    equal(schemas[0][0]['parameters'], [])
    equal(schemas[0][1]['parameters'][0]['name'], 'city')


@test
def a_tool_does_not_inherit_the_secrets():
    with Server() as server:
        run = chat('--json', '--tool', 'weather=env', server.url, QUESTION, status=0,
                   env=environment(PARLEY_TOKEN='hush-hush', PARLEY_SERVER_KEY='hush-too'))
    equal('hush' in run.out + run.err, False, run)


@test
def tools_that_the_server_refuses_are_6():
    def session(websocket):
        websocket.open()
        websocket.expect('configure_tools')
        websocket.send({'type': 'error', 'error': 'no tools here'})
        websocket.expect('never')

    with FakeServer(session) as server:
        run = chat('--json', '--tool', 'a=true', server.url, 'hi', status=6)
    equal(run.names(), ['error'])
    equal(run.only('error')[0]['code'], 'tools_refused')
