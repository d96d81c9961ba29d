"""The alert rules and the dashboard use what is exported, and promtool accepts all of it.

check_rules.py ROOT [METRICS_PROGRAM PROMTOOL]

METRICS_PROGRAM prints the metrics of a telemetry as Prometheus reads them. Without the two the names alone are checked; without a PROMTOOL (`none`)
the test is skipped.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROW = re.compile(r'metric_description\{\s*"(parley_\w+)",\s*metric_type::(\w+),')
NAME = re.compile(r'\bparley_\w+')


def exported(table):
    """Every name that a scrape shows."""
    names = set()
    for name, kind in ROW.findall(table):
        names |= {name + suffix for suffix in ('_bucket', '_sum', '_count')} if kind == 'histogram' else {name}
    return names


def dashboard_expressions(dashboard):
    for panel in dashboard['panels']:
        for target in panel.get('targets', []):
            yield panel['title'], target['expr']


def without_variables(expression):
    return expression.replace('$__rate_interval', '5m').replace('$job', '.*').replace('$instance', '.*')


def unknown_names(where, text, names):
    return [f'{where}: {name} is no metric' for name in sorted(set(NAME.findall(text)) - names)]


def names_in_rules(rules):
    """The expressions alone; a summary may name a family."""
    return '\n'.join(re.findall(r'expr:(.*?)\n +(?:for|labels):', rules, re.S))


def alerts_without_test(rules, tests):
    """Each must be seen firing, and seen silent in the same file."""
    return [f'test/monitoring/alerts_test.yaml: {alert} does not fire'
            for alert in re.findall(r'- alert: (\w+)', rules)
            if not re.search(rf'alertname: {alert}\n +exp_alerts:', tests)]


def run(*command, text=None):
    ran = subprocess.run(command, input=text, capture_output=True, text=True)
    said = (ran.stdout + ran.stderr).strip()
    return [] if ran.returncode == 0 and 'no sample' not in said else [' '.join(map(str, command)) + ':\n' + said]


def check_with_promtool(root, program, promtool):
    metrics = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    found = run(promtool, 'check', 'metrics', text=metrics)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        for name in ('doc/monitoring/alerts.yaml', 'test/monitoring/alerts_test.yaml'):
            (here / Path(name).name).write_text((root / name).read_text())
        dashboard = json.loads((root / 'doc/monitoring/dashboard.json').read_text())
        rules = [{'record': f'panel:{number}', 'expr': without_variables(expression)}
                 for number, (_, expression) in enumerate(dashboard_expressions(dashboard))]
        # YAML is a superset of JSON.
        (here / 'dashboard.yaml').write_text(json.dumps({'groups': [{'name': 'dashboard', 'rules': rules}]}))
        found += run(promtool, 'check', 'rules', here / 'alerts.yaml', here / 'dashboard.yaml')
        found += run(promtool, 'test', 'rules', here / 'alerts_test.yaml')
    return found


def self_test():
    names = exported('metric_description{"parley_a_total", metric_type::counter, "x"}, metric_description{\n "parley_b_seconds",\n metric_type::histogram,')
    assert names == {'parley_a_total', 'parley_b_seconds_bucket', 'parley_b_seconds_sum', 'parley_b_seconds_count'}, names
    assert not unknown_names('x', 'rate(parley_b_seconds_sum[5m]) > parley_a_total', names)
    assert unknown_names('x', 'parley_b_seconds', names)
    rules = '- alert: One\n  expr: parley_a_total > 1\n  labels:\n  summary: parley_b_seconds\n'
    assert NAME.findall(names_in_rules(rules)) == ['parley_a_total']
    assert alerts_without_test(rules, 'alertname: One\n- x') and not alerts_without_test(rules, 'alertname: One\n  exp_alerts:')


def main():
    self_test()
    root = Path(sys.argv[1])
    table = (root / 'lib/telemetry/metric_table.hpp').read_text()
    rules = (root / 'doc/monitoring/alerts.yaml').read_text()
    names = exported(table)
    found = unknown_names('doc/monitoring/alerts.yaml', names_in_rules(rules), names)
    found += alerts_without_test(rules, (root / 'test/monitoring/alerts_test.yaml').read_text())
    for title, expression in dashboard_expressions(json.loads((root / 'doc/monitoring/dashboard.json').read_text())):
        found += unknown_names(f'doc/monitoring/dashboard.json: {title}', expression, names)
    if not found and len(sys.argv) > 2:
        if sys.argv[3] == 'none':
            print('skipped: there is no promtool')
            sys.exit(77)
        found = check_with_promtool(root, sys.argv[2], sys.argv[3])
    print(*found, f'{len(found)} faults of the alert rules and the dashboard', sep='\n')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
