"""One page of figures: self-contained, inline SVG, no script, light and dark."""

import html

import figures

STYLE = '''
:root { color-scheme: light dark; --back: #ffffff; --text: #1c2127; --soft: #5c6670;
  --line: #dde2e7; --c0: #1769aa; --c1: #8a949e; --c2: #c77f1a; --c3: #3f8f5f; --c4: #a3507e;
  --c5: #6b63b5; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e4e8ec; --soft: #98a2ac;
  --line: #2c333a; --c0: #58a6e0; --c1: #78838e; --c2: #d99a3f; --c3: #62b583; --c4: #cb7fa8;
  --c5: #938ce0; } }
body { margin: 2.5rem auto; max-width: 60rem; padding: 0 1.5rem; background: var(--back);
  color: var(--text); font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); max-width: 46rem; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: var(--text); }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); stroke-width: 1; }
svg .spread { stroke: var(--text); stroke-width: 1.5; opacity: .55; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; margin-top: .5rem;
  font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); }
.n { text-align: right; white-space: nowrap; }
.wide { overflow-x: auto; }
'''

COLOURS = {'parley': 0, 'floor': 1, 'websocketpp': 2, 'libwebsockets': 3, 'node-ws': 4,
           'python-websockets': 5, 'parley-2-threads': 3, 'contract': 3}
NAMES = {'floor': 'raw Beast (floor)', 'websocketpp': 'websocketpp + rapidjson',
         'libwebsockets': 'libwebsockets + rapidjson', 'node-ws': 'Node ws',
         'python-websockets': 'Python websockets', 'parley-2-threads': 'parley, 2 threads',
         'contract': 'raw Beast with the contract'}
WIDE = 900
LEFT = 200  # of the bars: names stand there
AXIS = 96   # of the lines: numbers of seven digits stand there


def colour(client):
    return f'var(--c{COLOURS.get(client, 1)})'


def name_of(client):
    return html.escape(NAMES.get(client, client))


def text(x, y, what, anchor='start', soft=False):
    kind = ' class="soft"' if soft else ''
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{what}</text>'


def svg(height, label, parts):
    return (f'<svg viewBox="0 0 {WIDE} {height:.0f}" role="img" aria-label="{html.escape(label)}">'
            + ''.join(parts) + '</svg>')


def ticks(top, wanted=4):
    """Round steps from 0 to at least `top`."""
    step = 1.0
    while step * wanted < top:
        step *= 10
    while step * wanted > top * 10:
        step /= 10
    for part in (0.1, 0.2, 0.25, 0.5, 1):
        if step * part * wanted >= top:
            step *= part
            break
    return [step * i for i in range(wanted + 1)]


def bars(rows, label):
    """One bar for each row, with the spread as a line; the floor's ratio behind the value."""
    rows = [row for row in rows if row['median'] is not None]
    if not rows:
        return ''
    scale = ticks(max(row['max'] for row in rows))
    right = WIDE - 150
    at = lambda value: LEFT + (right - LEFT) * value / scale[-1]
    height = 26 * len(rows) + 30
    parts = []
    for tick in scale:
        parts.append(f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="0" '
                     f'y2="{height - 24}"/>')
        parts.append(text(at(tick), height - 8, figures.number(tick), 'middle', True))
    for i, row in enumerate(rows):
        y = 26 * i + 4
        parts.append(text(LEFT - 10, y + 13, row.get('name') or name_of(row['client']), 'end'))
        parts.append(f'<rect x="{LEFT}" y="{y}" rx="2" height="18" fill="{colour(row["client"])}" '
                     f'width="{max(1.0, at(row["median"]) - LEFT):.1f}"/>')
        if row['max'] > row['min']:
            parts.append(f'<line class="spread" x1="{at(row["min"]):.1f}" '
                         f'x2="{at(row["max"]):.1f}" y1="{y + 9}" y2="{y + 9}"/>')
        value = figures.number(row['median'])
        if row['ratio'] is not None and row['client'] != 'floor':
            value += f' · {row["ratio"]:.2f}×'
        parts.append(text(right + 12, y + 13, value))
    return svg(height, label, parts)


def axes(scale_x, scale_y, at_x, at_y, names_x, unit):
    parts = []
    for tick in scale_y:
        parts.append(f'<line class="grid" x1="{AXIS}" x2="{WIDE - 20}" y1="{at_y(tick):.1f}" '
                     f'y2="{at_y(tick):.1f}"/>')
        parts.append(text(AXIS - 8, at_y(tick) + 4, figures.number(tick), 'end', True))
    for tick, name in zip(scale_x, names_x):
        parts.append(text(at_x(tick), 268, name, 'middle', True))
    parts.append(text(AXIS, 14, unit, soft=True))
    return parts


def legend(clients):
    parts, x, y = [], AXIS, 284
    for client in clients:
        width = 34 + 8 * len(NAMES.get(client, client))
        if x + width > WIDE:
            x, y = AXIS, y + 20
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" '
                     f'fill="{colour(client)}"/>')
        parts.append(text(x + 18, y + 11, name_of(client)))
        x += width
    return parts


def lines(series, at_x, at_y):
    parts = []
    for client, points in series.items():
        path = ' '.join(f'{at_x(x):.1f},{at_y(y):.1f}' for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour(client)}" '
                     'stroke-width="2" stroke-linejoin="round"/>')
        if len(points) < 10:
            parts += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" '
                      f'fill="{colour(client)}"/>' for x, y in points]
    return parts


def distribution(percentiles, scenario, label):
    """Latency over the share of the calls that are faster."""
    series = {client: list(enumerate(values, start=1))
              for (name, client), values in percentiles.items() if name == scenario}
    if not series:
        return ''
    # The slowest hundredth of the slowest client would flatten all the others.
    scale = ticks(max(points[94][1] for points in series.values()))
    top = scale[-1]
    at_x = lambda share: AXIS + (WIDE - AXIS - 20) * share / 100
    at_y = lambda value: 250 - 220 * min(value, top) / top
    marks = [1, 25, 50, 75, 90, 99]
    parts = axes(marks, scale, at_x, at_y, [f'p{mark}' for mark in marks], 'µs')
    return svg(324, label, parts + lines(series, at_x, at_y) + legend(series))


def scaling(rows, metric, label):
    """One figure over the number of sessions, which grows by tens."""
    series = {}
    for row in rows:
        if row['scenario'] == 'scale' and row['median'] is not None:
            base, _, sessions = row['metric'].partition('@')
            if base == metric:
                series.setdefault(row['client'], []).append((int(sessions), row['median']))
    if not series:
        return ''
    sizes = sorted({x for points in series.values() for x, _ in points})
    scale = ticks(max(y for points in series.values() for _, y in points))
    places = {size: AXIS + 30 + (WIDE - AXIS - 100) * i / max(1, len(sizes) - 1)
              for i, size in enumerate(sizes)}
    at_y = lambda value: 250 - 220 * value / scale[-1]
    unit = next(row['unit'] for row in rows if row['metric'] == f'{metric}@{sizes[0]}')
    names = [f'{size:,} session{"s" if size > 1 else ""}' for size in sizes]
    parts = axes(sizes, scale, places.get, at_y, names, unit)
    return svg(324, label, parts + lines(series, places.get, at_y) + legend(series))


def section(title, words, picture):
    if not picture:
        return ''
    return f'<h2>{html.escape(title)}</h2><p>{html.escape(words)}</p>{picture}'


def picked(rows, metric, *scenarios):
    """Rows of one metric; named by the scenario too when there are several."""
    found = []
    for row in rows:
        if row['scenario'] in scenarios and row['metric'] == metric and 'skipped' not in row:
            name = f'{html.escape(row["scenario"])}, {html.escape(row["client"])}'
            found.append(row | ({'name': name} if len(scenarios) > 1 else {}))
    return found


def every_row(rows):
    cells = []
    for row in rows:
        if 'skipped' in row:
            rest = f'<td colspan="4">{html.escape("skipped: " + row["skipped"])}</td>'
        else:
            ratio = '–' if row['ratio'] is None else f'{row["ratio"]:.2f}'
            spread = (f'{row["ratio_min"]:.2f} … {row["ratio_max"]:.2f}'
                      if 'ratio_min' in row and row['client'] != 'floor' else '')
            rest = (f'<td class="n">{figures.number(row["median"])}</td>'
                    f'<td class="n">{figures.number(row["min"])} … {figures.number(row["max"])}'
                    f'</td><td class="n">{ratio}</td><td class="n">{spread}</td>')
        cells.append(f'<tr><td>{html.escape(row["scenario"])}</td>'
                     f'<td>{html.escape(row["client"])}</td>'
                     f'<td>{html.escape(row["metric"])}, {html.escape(row["unit"])}</td>{rest}'
                     '</tr>')
    return ('<div class="wide"><table><tr><th>scenario</th><th>client</th><th>metric</th>'
            '<th class="n">median</th><th class="n">spread</th><th class="n">ratio</th>'
            '<th class="n">its spread</th></tr>' + ''.join(cells) + '</table></div>')


def render(machine, rows, percentiles):
    about = ' · '.join(f'{html.escape(str(key).replace("_", " "))} {html.escape(str(value))}'
                       for key, value in machine.items())
    stream = 'Equal text deltas, parsed, routed and handed out one by one.'
    body = [
        '<h1>parley, measured</h1>',
        '<p>Medians of interleaved repetitions; the thin line is their spread. The ratio is to the '
        'floor, a client written by hand with Beast, taken pair by pair; above 1 parley is '
        'better.</p>', f'<p>{about}</p>',
        section('Throughput, messages per second', stream,
                bars(picked(rows, 'messages_per_s', 'stream'), 'throughput')),
        section('Processor time of the client, seconds per million messages',
                'The same stream. It depends less on what else the machine does.',
                bars(picked(rows, 'cpu_s', 'stream'), 'processor time')),
        section('Throughput of other streams, messages per second',
                'With a number that changes before each text; with TLS; with compression.',
                bars(picked(rows, 'messages_per_s', 'stream-varied', 'stream-tls', 'stream-deflate'),
                     'throughput of other streams')),
        section('Latency of a message and its answer, median, µs',
                '120 bytes each way, one connection, client and server on one processor.',
                bars(picked(rows, 'p50_us', 'ping-pong'), 'latency')),
        section('Latency of a tool call, median, µs',
                'From the request to the answer, as the server sees it; the floor echoes.',
                bars(picked(rows, 'p50_us', 'tool-call'), 'tool call latency')),
        section('Distribution of the latency', 'Of a message and its answer.',
                distribution(percentiles, 'ping-pong', 'distribution of the latency')),
        section('Connecting, sessions per second',
                'Connect, upgrade, close; one at a time and 500 at once. contract is raw Beast with '
                'nothing but what chat_client promises of a connection.',
                bars(picked(rows, 'sessions_per_s', 'connect', 'connect-500'), 'connecting')),
        section('Memory of an idle session, KiB', 'Resident, with a read pending.',
                bars(picked(rows, 'kib_per_session', 'memory', 'memory-tls'), 'memory')),
        section('Throughput of many sessions', 'All sessions of one process together.',
                scaling(rows, 'messages_per_s', 'throughput by sessions')),
        section('Memory of many sessions', 'For each session, once all are ready.',
                scaling(rows, 'kib_per_session', 'memory by sessions')),
        section('Processor time of many sessions', 'Per million messages, all threads.',
                scaling(rows, 'cpu_s', 'processor time by sessions')),
        '<h2>Every row</h2>', every_row(rows),
    ]
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width, initial-scale=1"><title>parley, measured</title>'
            f'<style>{STYLE}</style><body>{"".join(body)}</body></html>\n')
