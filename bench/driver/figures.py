"""The arithmetic of the bench: ratios pair by pair, medians, rows. `figures.py --self-test`."""

import statistics
import sys

# What a metric is measured in, and whether more of it is better.
METRICS = {
    'messages_per_s': ('messages/s', True),
    'sessions_per_s': ('sessions/s', True),
    'p50_us': ('us', False),
    'p99_us': ('us', False),
    'kib_per_session': ('KiB', False),
    'allocations_per_message': ('allocations', False),
    'requests': ('requests', False),
    'ns_per_call': ('ns', False),
    's_to_ready': ('s', False),
    'cpu_s': ('s', False),
}


def base(metric):
    """`messages_per_s` of `messages_per_s@1000`."""
    return metric.split('@')[0]


def ratio_of(metric, mine, floor):
    """Above 1 where mine is better than the floor; times are inverted."""
    if mine is None or floor is None or mine <= 0 or floor <= 0:
        return None
    return mine / floor if METRICS[base(metric)][1] else floor / mine


def ratios(metric, mine, floor):
    """Of repetitions that ran side by side."""
    return [each for each in (ratio_of(metric, *pair) for pair in zip(mine, floor))
            if each is not None]


def row(scenario, client, metric, values, floor=None):
    """`floor`: the floor's values of the same repetitions; None where there is no floor."""
    made = {
        'scenario': scenario, 'client': client, 'metric': metric,
        'unit': METRICS[base(metric)][0],
        'median': statistics.median(values), 'min': min(values), 'max': max(values),
        'reps': len(values), 'ratio': None,
    }
    if client == 'floor':
        made['ratio'] = 1
        made['ratio_min'] = made['ratio_max'] = 1
    elif floor:
        pairs = ratios(metric, values, floor)
        if pairs:
            made['ratio'] = statistics.median(pairs)
            made['ratio_min'], made['ratio_max'] = min(pairs), max(pairs)
    return made


def skipped(scenario, client, metric, why):
    return {'scenario': scenario, 'client': client, 'metric': metric,
            'unit': METRICS[base(metric)][0], 'median': None, 'min': None, 'max': None,
            'reps': 0, 'ratio': None, 'skipped': why}


def add(rows, made):
    """(scenario, client, metric) is unique."""
    key = (made['scenario'], made['client'], made['metric'])
    if any((each['scenario'], each['client'], each['metric']) == key for each in rows):
        raise ValueError(f'twice: {key}')
    rows.append(made)


def number(value):
    """Three or four digits that matter."""
    if value is None:
        return '-'
    if value == int(value) and abs(value) < 1e6:
        return f'{int(value):,}'
    if abs(value) >= 1000:
        return f'{value:,.0f}'
    return f'{value:.2f}' if abs(value) < 10 else f'{value:.1f}'


def table(rows):
    """The rows as text, aligned."""
    lines = [('scenario', 'client', 'metric', 'median', 'min … max', 'ratio', 'min … max', 'reps')]
    for each in rows:
        head = (each['scenario'], each['client'], each['metric'])
        if 'skipped' in each:
            lines.append(head + ('-', 'skipped: ' + each['skipped'], '', '', ''))
            continue
        ratio = each['ratio']
        lines.append(head + (
            number(each['median']), f"{number(each['min'])} … {number(each['max'])}",
            '-' if ratio is None else f'{ratio:.2f}',
            f"{each['ratio_min']:.2f} … {each['ratio_max']:.2f}" if 'ratio_min' in each else '',
            str(each['reps'])))
    wide = [max(len(line[i]) for line in lines if 'skipped' not in line[4] or i < 4)
            for i in range(8)]
    text = [[cell.rjust(wide[i]) if i in (3, 5, 7) else cell.ljust(wide[i])
             for i, cell in enumerate(line)] for line in lines]
    return '\n'.join('  '.join(line).rstrip() for line in text)


def self_test():
    failures = []

    def check(what, got, wanted):
        if got != wanted:
            failures.append(f'{what}: {got}, not {wanted}')

    check('more is better', ratio_of('messages_per_s', 300, 100), 3)
    check('less is better', ratio_of('p50_us', 50, 100), 2)
    check('with sessions', ratio_of('kib_per_session@1000', 10, 5), 0.5)
    check('nothing to divide by', ratio_of('p50_us', 0, 100), None)
    check('pairs', ratios('messages_per_s', [10, 20, 30], [10, 10, 10]), [1, 2, 3])
    # The median of the pairs' ratios, and not the ratio of the medians.
    made = row('stream', 'parley', 'messages_per_s', [10, 40, 90], [10, 10, 30])
    check('ratio by pairs', made['ratio'], 3)
    check('spread of the ratio', (made['ratio_min'], made['ratio_max']), (1, 4))
    check('median', (made['median'], made['min'], made['max'], made['reps']), (40, 10, 90, 3))
    check('the floor', row('stream', 'floor', 'p50_us', [4, 2], [4, 2])['ratio'], 1)
    check('no floor', row('allocations', 'parley', 'allocations_per_message', [0.5])['ratio'], None)
    check('none allocated', row('allocations', 'parley', 'allocations_per_message', [0.0])['median'],
          0)
    shape = {'scenario', 'client', 'metric', 'unit', 'median', 'min', 'max', 'reps', 'ratio'}
    check('shape', shape <= set(made), True)
    gone = skipped('stream', 'node-ws', 'messages_per_s', 'no node')
    check('shape of a skipped one', shape | {'skipped'}, set(gone))
    rows = []
    add(rows, made)
    add(rows, gone)
    try:
        add(rows, dict(made))
        failures.append('the same row twice is taken')
    except ValueError:
        pass
    check('table', len(table(rows).splitlines()), 3)
    check('table says why', 'no node' in table(rows), True)
    check('numbers', [number(n) for n in (None, 3.0, 3.14159, 42.42, 1234567.8)],
          ['-', '3', '3.14', '42.4', '1,234,568'])
    for failure in failures:
        print('the self-test failed:', failure)
    return not failures


if __name__ == '__main__':
    sys.exit(0 if self_test() else 1)
