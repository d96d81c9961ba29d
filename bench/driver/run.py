"""Runs the bench and prints a table. Called by bench/run.sh, which builds what it runs."""

import argparse
import itertools
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import figures
import page
from scenarios import PEERS, SCENARIOS, values_of

HERE = Path(__file__).resolve().parent.parent
NOT_HERE = {
    'websocketpp': 'needs libwebsocketpp-dev and rapidjson-dev',
    'libwebsockets': 'needs libwebsockets-dev and rapidjson-dev',
    'node-ws': 'needs node-ws',
    'python-websockets': 'needs python3-websockets',
}


def works(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


class Machine:
    def __init__(self, build):
        self.build = Path(build)
        self.processors = sorted(os.sched_getaffinity(0))
        self.hosts = itertools.count(2)
        os.environ['NODE_PATH'] = '/usr/share/nodejs:/usr/lib/nodejs'
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.files = hard if hard != resource.RLIM_INFINITY else 1 << 20

    def command(self, client):
        """How to start it; None when it is not there."""
        if client == 'node-ws':
            if not works('node', '-e', "require('ws')"):
                return None
            return ['node', str(HERE / 'peers/node_ws.js')]
        if client == 'python-websockets':
            # The distribution's own interpreter has the distribution's package.
            for python in ('/usr/bin/python3', sys.executable):
                if works(python, '-c', 'import websockets'):
                    return [python, str(HERE / 'peers/python_websockets.py')]
            return None
        program = self.build / 'bench' / ('bench_' + client.removesuffix('-2-threads'))
        return [str(program)] if program.exists() else None

    def pin(self, which):
        """For preexec_fn: the first processor for clients, the last for servers."""
        wanted = {self.processors[which]} if which is not None else set(self.processors)
        return lambda: os.sched_setaffinity(0, wanted)

    def host(self):
        """An own address for each run, so that ports in TIME_WAIT do not run out."""
        return f'127.0.1.{next(self.hosts) % 250 + 1}'

    def describe(self):
        model = re.search(r'model name\s*:\s*(.*)', Path('/proc/cpuinfo').read_text())
        compiler = subprocess.run(['c++', '--version'], capture_output=True, text=True,
                                  check=False).stdout.splitlines()
        return {'processor': model.group(1) if model else platform.processor(),
                'processors': len(self.processors), 'system': platform.platform(),
                'compiler': compiler[0] if compiler else 'unknown',
                'load_before': round(os.getloadavg()[0], 2)}


class Server:
    """bench_server for one run; leaves its tally behind."""

    def __init__(self, machine, ca_file, pinned):
        self.process = subprocess.Popen(
            [str(machine.build / 'bench/bench_server'), ca_file], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=machine.pin(pinned))
        self.port, self.tls_port = self.process.stdout.readline().split()
        self.tally = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.tally = json.loads(self.process.communicate(timeout=30)[0] or '{}')
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def environment(scenario):
    """What memory costs the kernel, which hands it out page by page, would else be most of it."""
    kept = {'GLIBC_TUNABLES': f'glibc.malloc.trim_threshold={1 << 30}'}
    return os.environ | (kept if scenario.keeps_memory else {})


def run_client(machine, scenario, client, command, count, sessions, threads=1):
    """One run: (what the client said, what the server counted)."""
    share = count // sessions
    mode = scenario.mode.format(count=count, share=share)
    with tempfile.TemporaryDirectory() as folder:
        ca_file = os.path.join(folder, 'ca.pem')
        with Server(machine, ca_file, 0 if scenario.one_core else -1) as server:
            # The certificate names one address; without TLS each run has its own.
            url = (f'wss://127.0.0.1:{server.tls_port}' if scenario.tls
                   else f'ws://{machine.host()}:{server.port}') + (f'/{mode}' if mode else '')
            words = [scenario.name, url, str(count), str(sessions), str(threads), ca_file]
            pinned = 0 if threads == 1 else None
            done = subprocess.run(command + words, capture_output=True, text=True, timeout=600,
                                  stdin=subprocess.DEVNULL, preexec_fn=machine.pin(pinned),
                                  check=False, env=environment(scenario))
        if done.returncode != 0:
            raise ValueError(f'{client} failed: {done.stderr.strip()[:200]}')
        return json.loads(done.stdout.splitlines()[-1]), server.tally


def compile_cost(source, includes):
    """CPU seconds of the compiler for one file, without a cache."""
    compiler = os.environ.get('CXX', 'g++').split()[-1]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([compiler, '-std=c++20', '-O0', '-c', str(source), '-o', '/dev/null',
                    *(f'-I{folder}' for folder in includes)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Bench:
    def __init__(self, machine, options):
        self.machine = machine
        self.options = options
        self.rows = []
        self.percentiles = {}  # of scenario and client, for the picture

    def measure(self, scenario):
        if scenario.name == 'compile':
            return self.measure_compile(scenario)
        if scenario.sizes:
            sizes = scenario.quick_sizes if self.options.quick else scenario.sizes
            for size in sizes:
                self.measure_at(scenario, size, f'@{size}')
            return None
        sessions = scenario.quick_sessions if self.options.quick else scenario.sessions
        return self.measure_at(scenario, sessions, '')

    def clients(self, scenario, suffix):
        """Those that can be run; the others become rows that say why not."""
        found = {}
        for client in scenario.clients:
            if client in PEERS and self.options.no_peers:
                continue
            if client == 'parley-2-threads' and len(self.machine.processors) < 2:
                why = 'there is one processor'
            else:
                found[client] = self.machine.command(client)
                why = NOT_HERE.get(client, 'not built')
            if not found.get(client):
                found.pop(client, None)
                self.skip(scenario, client, suffix, why)
        return found

    def skip(self, scenario, client, suffix, why):
        for metric in scenario.metrics:
            figures.add(self.rows, figures.skipped(scenario.name, client, metric + suffix, why))

    def measure_at(self, scenario, sessions, suffix):
        count = scenario.quick if self.options.quick else scenario.count
        if scenario.name.startswith('memory') or scenario.name == 'restart-1000':
            count = sessions
        count = count // sessions * sessions
        clients = self.clients(scenario, suffix)
        if sessions + 100 > self.machine.files:
            for client in clients:
                self.skip(scenario, client, suffix, f'only {self.machine.files} files may be open')
            return
        seen = {client: {metric: [] for metric in scenario.metrics} for client in clients}
        turns = 1 if self.options.quick else scenario.turns
        for turn in range(self.options.reps * turns):
            order = list(clients)
            for client in order[turn % len(order):] + order[:turn % len(order)]:
                threads = 2 if client.endswith('-2-threads') else 1
                said, tally = run_client(self.machine, scenario, client, clients[client], count,
                                         sessions, threads)
                values = values_of(scenario, said, tally, count)
                for metric, value in values.items():
                    seen[client][metric].append(value)
                if 'percentiles_us' in said:
                    self.percentiles[scenario.name, client] = said['percentiles_us']
        for client in clients:
            self.report(scenario, client, suffix, seen)

    def report(self, scenario, client, suffix, seen):
        for metric, values in seen[client].items():
            floor = seen['floor'][metric] if 'floor' in seen else None
            made = figures.row(scenario.name, client, metric + suffix, values, floor)
            made['unit'] = scenario.units.get(metric, made['unit'])
            figures.add(self.rows, made)

    def measure_compile(self, scenario):
        includes = [HERE.parent / 'include', self.machine.build / 'include']
        sources = {'parley': 'parley.cpp', 'floor': 'awaitable.cpp'}
        seen = {client: {'cpu_s': []} for client in sources}
        for _ in range(self.options.reps):
            for client, name in sources.items():
                seen[client]['cpu_s'].append(compile_cost(HERE / 'consumer' / name, includes))
        for client in sources:
            self.report(scenario, client, '', seen)


def parse(words):
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog='bench/run.sh', description='Measures parley against '
                                     'a raw Beast client and other libraries, side by side.')
    parser.add_argument('--scenario', action='append', choices=names, metavar='NAME',
                        help='only this one; can be repeated: ' + ' '.join(names))
    parser.add_argument('--reps', type=int, help='repetitions (5; 2 with --quick)')
    parser.add_argument('--quick', action='store_true', help='a smoke run of under a minute')
    parser.add_argument('--no-peers', action='store_true', help='the floor and the contract only')
    parser.add_argument('--json', metavar='FILE', help='writes the rows')
    parser.add_argument('--html', metavar='FILE', help='writes a page with pictures')
    parser.add_argument('--build', required=True, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    options.reps = options.reps or (2 if options.quick else 5)
    if options.reps < 1:
        parser.error('--reps: at least 1')
    return options


def main():
    options = parse(sys.argv[1:])
    machine = Machine(options.build)
    described = machine.describe()
    bench = Bench(machine, options)
    failed = []
    for scenario in SCENARIOS:
        if options.scenario and scenario.name not in options.scenario:
            continue
        print(f'{scenario.name} …', file=sys.stderr, flush=True)
        known = {(row['client'], row['metric']) for row in bench.rows
                 if row['scenario'] == scenario.name}
        try:
            bench.measure(scenario)
        except (ValueError, OSError, subprocess.SubprocessError) as error:
            failed.append(f'{scenario.name}: {error}')
            for metric in scenario.metrics:
                if ('parley', metric) not in known:
                    figures.add(bench.rows, figures.skipped(scenario.name, 'parley', metric,
                                                            f'failed: {error}'))
    described['load_after'] = round(os.getloadavg()[0], 2)
    print(figures.table(bench.rows))
    if options.json:
        rows = [{key: value for key, value in row.items() if not key.startswith('ratio_')}
                for row in bench.rows]
        Path(options.json).write_text(json.dumps({'machine': described, 'rows': rows}, indent=1))
    if options.html:
        Path(options.html).write_text(page.render(described, bench.rows, bench.percentiles))
    for line in failed:
        print('failed:', line, file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
