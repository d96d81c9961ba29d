"""What is measured, with how much work, and what must come out the same on every side."""

from dataclasses import dataclass, field

TEXT_BYTES = 12       # of a text delta
MESSAGE_BYTES = 120   # of a chat_message frame
PEERS = ('websocketpp', 'libwebsockets', 'node-ws', 'python-websockets')


@dataclass(frozen=True)
class Scenario:
    name: str
    mode: str             # the first part of the path, `{count}` filled in; '' without a server
    count: int            # of messages, sessions or calls
    quick: int            # the same for a smoke run
    metrics: tuple
    clients: tuple = ('parley', 'floor')
    sessions: int = 1
    quick_sessions: int = 1
    tls: bool = False
    one_core: bool = False   # client and server on one processor
    turns: int = 1           # as many repetitions for each of the others, where runs differ most
    keeps_memory: bool = False  # glibc does not give back to the kernel what was freed
    sizes: tuple = ()        # numbers of sessions, for scale
    quick_sizes: tuple = ()
    units: dict = field(default_factory=dict)


PER_MILLION = {'cpu_s': 's per million messages'}

SCENARIOS = [
    Scenario('stream', 'stream-{count}', 1_000_000, 100_000, ('messages_per_s', 'cpu_s'),
             ('parley', 'floor') + PEERS, units=PER_MILLION),
    Scenario('stream-telemetry', 'stream-{count}', 1_000_000, 100_000, ('messages_per_s', 'cpu_s'),
             ('parley',), units=PER_MILLION),
    Scenario('stream-varied', 'varied-{count}', 1_000_000, 100_000, ('messages_per_s', 'cpu_s'),
             units=PER_MILLION),
    Scenario('stream-tls', 'stream-{count}', 500_000, 50_000, ('messages_per_s', 'cpu_s'),
             tls=True, units=PER_MILLION),
    Scenario('stream-deflate', 'deflate-{count}', 500_000, 50_000, ('messages_per_s', 'cpu_s'),
             units=PER_MILLION),
    Scenario('ping-pong', 'echo', 20_000, 3_000, ('p50_us', 'p99_us'),
             ('parley', 'floor') + PEERS, one_core=True),
    Scenario('tool-call', 'tool-{count}', 20_000, 3_000, ('p50_us', 'p99_us'), one_core=True),
    Scenario('connect', 'idle', 2_000, 200, ('sessions_per_s',), ('parley', 'floor', 'contract'),
             turns=5, keeps_memory=True),
    Scenario('connect-500', 'idle', 5_000, 1_000, ('sessions_per_s',),
             ('parley', 'floor', 'contract'), sessions=500, quick_sessions=500, turns=3,
             keeps_memory=True),
    Scenario('memory', 'idle', 1_000, 200, ('kib_per_session',), sessions=1_000,
             quick_sessions=200),
    Scenario('memory-telemetry', 'idle', 1_000, 200, ('kib_per_session',), ('parley',),
             sessions=1_000, quick_sessions=200),
    Scenario('memory-tls', 'idle', 500, 100, ('kib_per_session',), sessions=500,
             quick_sessions=100, tls=True),
    Scenario('allocations', 'stream-{count}', 200_000, 50_000, ('allocations_per_message',),
             ('parley',)),
    Scenario('single-flight', 'idle', 10_000, 10_000, ('requests', 'ns_per_call'), ('parley',),
             keeps_memory=True),
    Scenario('held-ticket', 'idle', 1_000_000, 100_000, ('ns_per_call',), ('parley',)),
    Scenario('ticket-refresh', 'idle', 2_000, 300, ('p50_us', 'p99_us')),
    Scenario('decode', '', 1_000_000, 200_000, ('messages_per_s', 'cpu_s'), units=PER_MILLION),
    Scenario('restart-1000', 'restart-1000', 1_000, 1_000, ('s_to_ready', 'requests'),
             ('parley',), sessions=1_000, quick_sessions=200),
    Scenario('compile', '', 1, 1, ('cpu_s',)),
    Scenario('scale', 'stream-{share}', 500_000, 100_000,
             ('messages_per_s', 'cpu_s', 'kib_per_session', 's_to_ready', 'p50_us', 'p99_us'),
             ('parley', 'parley-2-threads'), sizes=(1, 10, 100, 1_000, 10_000),
             quick_sizes=(1, 100), units=PER_MILLION),
]


def values_of(scenario, said, tally, count):
    """The metrics of one run; raises ValueError when the work was not the work asked for."""
    def same(what, got, wanted):
        if got != wanted:
            raise ValueError(f'{what}: {got}, not {wanted}')

    name = scenario.name
    same('messages', said.get('messages'), count)
    if name.startswith('stream') or name == 'allocations':
        same('bytes of text', said['text_bytes'], count * TEXT_BYTES)
    if name == 'ping-pong':
        same('bytes that the server got', tally['bytes_in'], count * MESSAGE_BYTES)
    if name == 'tool-call':
        same('round trips', tally['round_trips'], count)
        said = said | {'p50_us': tally['p50_us'], 'p99_us': tally['p99_us']}
    if name.startswith('connect') or name.startswith('memory'):
        extra = tally['upgrades'] - count  # one more, to warm up, where memory is measured
        if extra not in (0, 1):
            raise ValueError(f'{tally["upgrades"]} upgrades for {count} sessions')
    if name == 'single-flight':
        # Two more, to warm up.
        same('requests that the server got', tally['tickets'], said['requests'] + 2)
    if name == 'restart-1000':
        # What a session owes to nobody but itself: from when the server was back and its own
        # backoff over.
        said = said | {'s_to_ready': max(
            restored - max(due, tally['back_at'])
            for due, restored in zip(said['due_at'], said['restored_at']))}
    if 'elapsed_s' in said:
        rate = count / said['elapsed_s']
        said = said | {'messages_per_s': rate, 'sessions_per_s': rate,
                       'cpu_s': said['cpu_s'] * 1e6 / count}
    return {metric: said[metric] for metric in scenario.metrics}
